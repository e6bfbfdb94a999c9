// NativeModule: what one compiled file says of itself: what it is for, what it asks for, and what
// it has. Nothing of it is loaded or run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "binary/elf/file.h"

namespace inquest::audit {

enum class Format : uint8_t { kElf, kElf32, kMachO, kPe, kOther };

// Whose functions it calls, or for whom it has an entry.
enum class Api : uint8_t {
  kNone,     // a library or a program
  kNodeApi,  // the stable C interface of Node.js
  kV8,       // the C++ classes of V8 and Node.js, which change with each major version
  kPython,   // the C interface of CPython
};
std::string_view to_string(Api api);

struct NativeModule {
  std::string path;
  Format format = Format::kOther;
  uint16_t machine = 0;  // EM_*
  Api api = Api::kNone;
  std::string interpreter;  // PT_INTERP
  std::string soname;
  std::vector<std::string> needed;   // DT_NEEDED
  std::vector<std::string> search;   // DT_RPATH or DT_RUNPATH, as written
  bool search_is_inherited = false;  // DT_RPATH: those that it needs look there too
  std::vector<std::pair<std::string, std::string>> versions;  // library, version of its symbols
  std::vector<std::string> imports;  // functions and data that it must find elsewhere
  std::optional<int> node_abi;       // NODE_MODULE_VERSION that it was built for
  std::string build_id;              // hexadecimal; empty: none
  bool has_symbols = false;          // .symtab
  bool has_debug_info = false;
  std::string damage;  // why it cannot be read whole; for people
};

// Errors: the file cannot be opened. One that is damaged, or no ELF file, is described as such.
Result<NativeModule> read_native_module(const std::string& path);

// Names that it offers to others.
Result<std::vector<std::string>> read_exports(const std::string& path);

// "x86-64", "AArch64", "machine 243".
std::string machine_name(uint16_t machine);
uint16_t machine_here();  // EM_*

// NODE_MODULE_VERSION of an add-on of the C++ interface: out of the name of its entry, or of the
// structure that it registers (node_module in node.h). nullopt: neither is there.
std::optional<int> node_abi_of(const elf::File& file);

}  // namespace inquest::audit
