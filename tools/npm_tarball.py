#!/usr/bin/python3
"""Makes the tarball that npm installs: npm_tarball.py STAGED-FOLDER OUTPUT-FOLDER; prints its path.

What `npm pack` makes of the folder, without npm: the files that package.json lists, under package/, the same bytes
each time (times and owners are fixed, as npm fixes them). Contents: https://docs.npmjs.com/cli/commands/npm-pack.
"""

import gzip
import io
import json
import sys
import tarfile
from pathlib import Path

# The time that npm gives every file, so that its tarballs can be told by their hash.
EPOCH = 499162500


def listed_files(staged: Path, manifest: dict) -> list[Path]:
    """package.json and all that its "files" names; each must be there."""
    found = {staged / "package.json"}
    for name in manifest["files"]:
        path = staged / name
        inside = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
        if not inside or not all(each.is_file() for each in inside):
            raise FileNotFoundError(f"{path}: listed in package.json, but not there")
        found.update(inside)
    return sorted(found)


def write_tarball(staged: Path, output: Path) -> Path:
    manifest = json.loads((staged / "package.json").read_text(encoding="utf-8"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in listed_files(staged, manifest):
            data = path.read_bytes()
            entry = tarfile.TarInfo(f"package/{path.relative_to(staged)}")
            entry.size, entry.mtime, entry.mode = len(data), EPOCH, 0o644
            archive.addfile(entry, io.BytesIO(data))
    output.mkdir(parents=True, exist_ok=True)
    tarball = output / f"{manifest['name']}-{manifest['version']}.tgz"
    tarball.write_bytes(gzip.compress(packed.getvalue(), 9, mtime=0))
    return tarball


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(write_tarball(Path(sys.argv[1]), Path(sys.argv[2])))
