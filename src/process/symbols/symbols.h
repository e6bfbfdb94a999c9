// symbols::annotate: names and source lines for frames, inlined ones expanded.
//
// Answers come from a small index per build-id, kept on disk (docs/formats/symbol-index.md) and
// grown by the compilation units that were needed; DWARF is opened only when the index does not
// know an address.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "process/modules/modules.h"
#include "process/symbols/debug_infos.h"
#include "process/unwind/frame.h"

namespace inquest::process {

struct SourceLocation {
  std::string file;     // as the compiler recorded it, made absolute with the compilation directory
  uint32_t line = 0;    // 0: the compiler recorded none for this instruction
  uint32_t column = 0;  // 0: unknown
};

enum class NameSource : uint8_t {
  kNone,
  kDwarf,
  kSymbolTable,
  kDynamicSymbols,
  kMiniDebug,
  kBreakpad
};

// One function at one place: a physical frame has one or more, innermost inlined first.
struct SourceFrame {
  std::string function;      // demangled, with parameters where recorded; empty when unknown
  std::string short_name;    // qualified name without parameters: what people call it
  std::string linkage_name;  // as the linker saw it; empty for C++ functions without one
  NameSource source = NameSource::kNone;
  std::optional<SourceLocation> location;  // the call or the faulting line
  bool is_inlined = false;
  uint64_t function_start = 0;  // link-time address of the physical function; 0 when unknown
};

struct AnnotatedFrame {
  const Module* module = nullptr;      // nullptr: outside every module (JIT code, garbage)
  uint64_t module_offset = 0;          // link-time address of lookup_pc
  std::vector<SourceFrame> functions;  // never empty; functions.back() is the physical one
};

struct SymbolOptions {
  std::string cache_dir;  // empty: no index on disk
  bool use_cache = true;
};

// Not thread-safe. `modules` must outlive it.
class Symbolizer {
 public:
  Symbolizer(const ModuleSet& modules, const SymbolOptions& options);
  ~Symbolizer();

  // Resolves all of them, in one pass over each module's tables. Only saves time.
  void prefetch(std::span<const Address> addresses);

  // `address` is a lookup address (Frame::lookup_pc).
  const AnnotatedFrame& annotate(Address address);

  // The data or function symbol that covers `address`, when one does: "main_arena+0x60".
  struct NearSymbol {
    std::string name;
    uint64_t offset = 0;
    const Module* module = nullptr;
  };
  std::optional<NearSymbol> symbol_at(Address address);

  // The process address of a symbol of a module (.dynsym, then .symtab).
  std::optional<Address> find_symbol(const Module& module, std::string_view name);

  // Facts derived from a module's files that are dear to work out again, kept in its index under a
  // key of the caller's choice (put a version into it). nullopt: not known. Modules without a
  // build-id keep nothing.
  std::optional<Bytes> blob(const Module& module, std::string_view key);
  void put_blob(const Module& module, std::string_view key, ByteView value);

  // The debug information that this symbolizer opened or would open, to share it with other
  // readers.
  DebugInfos& debug_infos();

  // Writes what was learnt to the cache directory. Losing it costs time only, so failures are
  // swallowed.
  void save();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace inquest::process
