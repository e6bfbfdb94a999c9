// Rust's crates, by the paths that rustc writes into debug information. Pure: reads no files.
//
// Sources: Cargo's home ("registry/src/INDEX-HASH/NAME-VERSION/", "git/checkouts/NAME-HASH/REV/"),
// and rustc's remapping of its own library ("/rustc/HASH/library/std/").
#pragma once

#include <optional>
#include <string_view>

#include "process/packages/package.h"

namespace inquest::packages {

// Of Rust's own library the version is not in the path: it is the commit, shortened ("rustc
// 82e1608dfa6e").
std::optional<Package> crate_of(std::string_view path);

}  // namespace inquest::packages
