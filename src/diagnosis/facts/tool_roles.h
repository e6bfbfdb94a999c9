// Whose code a function is when a tool is in play: sanitizers, fuzz drivers, checks of well-known
// libraries. Internal to roles.
#pragma once

#include <string_view>

namespace inquest::diagnosis {

// The run-time of a sanitizer, also when it is linked into the program: its functions, and its
// stand-ins for those of the C library.
bool is_sanitizer_run_time(std::string_view name, std::string_view file);
// What drives a fuzz target: to it, what main()'s caller is to main().
bool is_fuzzer_driver(std::string_view name, std::string_view file);
// CHECK(), ASSERT() and their like of well-known libraries: the way from a failed check to its end.
bool is_check_machinery(std::string_view name);
// A text names the source of a function of the C library, but not the module: glibc's own tree, as
// the distributions build it, and valgrind's stand-ins.
bool is_c_library_source(std::string_view file);

}  // namespace inquest::diagnosis
