// Archives: one case in one file that explains itself anywhere, a tar file compressed with zstd,
// and back. What is in it: docs/formats/vault.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/codec/compress.h"
#include "platform/os/fd.h"
#include "vault/case.h"
#include "vault/tar.h"

namespace inquest::vault {

// Writes an archive piece by piece.
class ArchiveWriter {
 public:
  // `fd`: an empty file or a pipe, open for writing while this lives. Writes the description of the
  // case: `read_me` is for people.
  static Result<ArchiveWriter> create(int fd, const Case& about, std::string_view read_me);

  // A part of the case, under its name; kFile below root/, else below evidence/.
  Status add(const Attachment& attachment, int from_fd);
  // Something for people beside it: "report.html".
  Status add_text(const std::string& name, std::string_view text);
  Status finish();

 private:
  ArchiveWriter(int fd, const Case& about);
  Status write(ByteView bytes);
  Status flush();

  int fd_;
  std::string folder_;  // "inquest-case-1a2b3c4d5e6f/"
  int64_t time_;
  codec::ZstdCompressor compressor_;
  Bytes buffer_;
};

struct ArchiveLimits {
  uint64_t max_bytes = uint64_t{1} << 36;  // of what is unpacked, without holes
  TarLimits tar;
};

// What was unpacked: files below a directory of ours, under names of ours; only those of
// Role::kFile have their own, below `root`.
struct Unpacked {
  CaseId id;
  CaseHeader header;
  State state = State::kComplete;
  struct File {
    Attachment about;
    std::string path;
  };
  std::vector<File> files;
  std::string root;  // for --sysroot; empty when there are no files for it
  // Attachments that the case had and the archive does not have.
  std::vector<Attachment> missing;
};

// For telling it to another process.
std::string to_json(const Unpacked& unpacked);
Result<Unpacked> read_unpacked(std::string_view json);

// Whether these first bytes of a file are those of an archive as ArchiveWriter makes it.
bool is_archive(ByteView start);

// `directory` must be empty and ours alone. Nothing in the archive is trusted. What cannot be read
// to its end is refused as a whole.
Result<Unpacked> unpack_archive(int fd, const std::string& directory,
                                const ArchiveLimits& limits = {});

}  // namespace inquest::vault
