// CodeRole by rule: whose code a function is, from its name, its source file and the module it lies
// in.
#pragma once

#include <string_view>

#include "diagnosis/facts/facts.h"

namespace inquest::diagnosis {

struct RoleInput {
  std::string_view short_name;    // demangled, without parameters; may be empty
  std::string_view linkage_name;  // may be empty
  std::string_view file;          // source file; may be empty
  std::string_view module_path;   // empty outside every module
  bool module_is_main = false;
  bool module_is_vdso = false;
};

CodeRole role_of(const RoleInput& input);
// Of Python code, by the file it is in: the standard library and what was installed are libraries.
CodeRole python_role(std::string_view file);
// Of JavaScript code, by the name of its script: what is in node_modules is a library, and so is
// what came with Node.js; what has no script is the language's own.
CodeRole javascript_role(std::string_view file);

// A library of the operating system: in a system library directory, or the C, C++ or math library
// wherever it lies.
bool is_system_library(std::string_view path);
// libc.so.6, libc-2.31.so, ld-musl-x86_64.so.1, ld-linux-x86-64.so.2
bool is_c_library(std::string_view path);
// strlen, __memmove_avx_unaligned_erms, _int_free: functions of the C library that also stand in
// static programs.
bool is_c_library_function(std::string_view short_name);
// libstdc++, libc++abi, libgcc_s, libunwind: what carries an exception to its end.
bool is_cxx_runtime(std::string_view path);
// python3.11, libpython3.9.so.1.0, and the modules of its standard library: nobody's own code, also
// as the main program.
bool is_python_interpreter(std::string_view path);
// What a sanitizer puts into the program: it noticed the bug, and has no part in it.
bool is_sanitizer_function(const FunctionFact& function);
// raise, abort, __assert_fail, std::terminate, rust_panic: the way from a failed check to the
// signal.
bool is_abort_machinery(std::string_view short_name);

}  // namespace inquest::diagnosis
