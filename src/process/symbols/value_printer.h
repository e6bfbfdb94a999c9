// ValuePrinter: a value of a DWARF type as text. Never prints what it could not read, and never
// walks unbounded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "process/symbols/code_names.h"
#include "process/symbols/place.h"
#include "process/symbols/types.h"
#include "process/symbols/variables.h"

namespace inquest::process {

// Prints one value at a time. Container printers (containers_*.cc) call back into it for elements.
class ValuePrinter {
 public:
  ValuePrinter(Types& types, const MemoryReader& memory, CodeNames& names,
               const ValueOptions& options)
      : types_(types), memory_(memory), names_(names), options_(options) {}

  Value print(dwarf::DieRef type, const Place& place);

  // For container printers, while print() runs.
  Types& types() { return types_; }
  const MemoryReader& memory() const { return memory_; }
  const ValueOptions& options() const { return options_; }
  CodeNames& names() { return names_; }

  void emit(std::string_view text);  // dropped beyond ValueOptions::max_text
  bool full() const { return full_; }
  void value(dwarf::DieRef type, const Place& place, int depth);
  void member(const Field& field, const Place& structure, int depth);
  void missing(const Place::Read& read);  // "<optimized out>", "<not in the core: …>"
  // Text of `size` bytes at `data`, quoted and escaped, cut after max_string.
  void quoted(Address data, uint64_t size);
  // Text of `count` code units of 2 or 4 bytes.
  void quoted_wide(Address data, uint64_t count, uint64_t unit);
  // The scalar of an integer or pointer member; nullopt when it cannot be read.
  std::optional<uint64_t> scalar(const Field& field, const Place& structure);

 private:
  void integer(const dwarf::Type& type, uint64_t raw, uint64_t size);
  void enumeration(const dwarf::Type& type, uint64_t raw, uint64_t size);
  void floating(ByteView bytes);
  void member_pointer(ByteView bytes);
  void pointer(const dwarf::Type& type, uint64_t target, int depth);
  void pointee(const dwarf::Type& type, Address target, int depth);
  void c_string(Address address);
  void structure(const dwarf::Type& type, const Place& place, int depth);
  void array(const dwarf::Type& type, const Place& place, int depth);
  void array_level(const dwarf::Type& type, const Place& place, size_t dimension, int depth);
  void scalar_value(const dwarf::Type& type, const Place& place, int depth);

  Types& types_;
  const MemoryReader& memory_;
  CodeNames& names_;
  const ValueOptions options_;
  std::string out_;
  bool full_ = false;
  int followed_ = 0;  // pointers followed on the way to here
  int nesting_ = 0;
  size_t steps_ = 0;
};

inline constexpr size_t kMaxPrintSteps = 20'000;  // values visited for one variable
inline constexpr int kMaxPointersFollowed = 1;
inline constexpr int kMaxValueNesting = 48;

}  // namespace inquest::process
