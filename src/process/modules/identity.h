// Whether a file is the build that the evidence names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/build_id.h"
#include "binary/elf/file.h"

namespace inquest::process {

// Cores name builds by the whole build-id. Minidumps may have 16 bytes only: the start of the
// build-id, with zeros behind a short one, or, where the binary has none, a sum over its code.
inline constexpr size_t kShortIdentity = 16;

bool is_same_build(const BuildId& wanted, const std::optional<BuildId>& found);
// The same of a file. Where it has no build-id, its code is summed up.
bool is_same_build(const BuildId& wanted, const elf::File& file);

// What Breakpad takes for an identity when there is no build-id: the first page of .text, its
// 16-byte blocks combined by exclusive or (file_id.cc). nullopt without a .text.
std::optional<BuildId> identity_by_code(const elf::File& file);

// Files below `root` that are named by this build-id with `suffix`, as "/usr/lib/debug" has them.
// Of an identity that may be cut short, those that begin with it.
std::vector<std::string> files_by_build_id(const std::string& root, const BuildId& id,
                                           std::string_view suffix);

}  // namespace inquest::process
