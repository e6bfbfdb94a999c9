// Where files of a module may be on this machine. Paths out of a core are hostile: see is_safe().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/build_id.h"

namespace inquest::process {

std::string base_name(std::string_view path);
std::string directory_of(std::string_view path);  // without the last slash; "." when there is none
std::string join(std::string_view directory, std::string_view name);

// Does a mapping of this path hold bytes of a file? Not when it is anonymous, special ("[stack]"),
// a device, or shared memory without a file of its own.
bool is_file_path(std::string_view path);

// No "..", no NUL: put behind a directory, it stays inside.
bool is_safe(std::string_view path);

// "/.build-id/ab/cdef…" + suffix; empty for ids that are too short to have one.
std::string build_id_path(const BuildId& id, std::string_view suffix);

// "1.2.13" out of libz.so.1.2.13 or libz-1.2.13.so; empty when the name does not say (libc.so.6).
std::string version_in_name(std::string_view name);
// "libssl" out of libssl.so.3; empty when `name` is not that of a shared library.
std::string library_stem(std::string_view name);

}  // namespace inquest::process
