// CfiSource: the call frame information of whatever module a pc is in.
#pragma once

#include <memory>
#include <optional>

#include "base/address.h"
#include "binary/dwarf/cfi.h"
#include "process/modules/modules.h"

namespace inquest::process {

inline constexpr uint64_t kEntryCodeSize = 0x40;  // _start is some 40 bytes on both architectures

class CfiSource {
 public:
  virtual ~CfiSource() = default;
  // The row at `pc`; *bias says what to add to its addresses. nullopt where there is none.
  virtual std::optional<dwarf::CfiRow> row_at(Address pc, uint64_t* bias) = 0;
  // What the entry that covers `pc` covers.
  virtual std::optional<AddressRange> function_at(Address pc) = 0;
  // Is `pc` in the first instructions of a program or of the dynamic loader, which nobody called?
  virtual bool is_entry_code(Address pc) = 0;
};

// Tables of the binary, of its separate debug file, of what the dump itself holds, or of a Breakpad
// symbol file, made on first demand. `modules` must outlive it. Not thread-safe.
std::unique_ptr<CfiSource> cfi_of_modules(const ModuleSet& modules, const MemoryReader& dump,
                                          isa::Arch arch);

}  // namespace inquest::process
