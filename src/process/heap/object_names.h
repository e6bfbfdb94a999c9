// What a block of heap is, without debug information: objects with a virtual table by their RTTI,
// the storage of strings and vectors by the shape of what points at it.
#pragma once

#include <optional>
#include <string>

#include "process/heap/heap.h"
#include "process/heap/roots.h"

namespace inquest::process {

struct ObjectName {
  std::string mangled;   // of the type, as RTTI has it: "N4shop5OrderE"; empty when not by RTTI
  std::string shape;     // "std::string storage"; empty when by RTTI
  std::string contents;  // of a string, its beginning
  Address vtable;        // by RTTI
};

class ObjectNamer {
 public:
  explicit ObjectNamer(const HeapInput& input) : input_(input) {}

  // By the virtual table that the first word points at. Cheap: reads a few words of the module.
  std::optional<ObjectName> by_vtable(Address object) const;
  // The same for a virtual table whose address is known.
  std::optional<ObjectName> type_of_vtable(Address vtable) const;
  // By what points at its first byte: a std::string or std::vector of libstdc++ (and containers
  // laid out like it).
  std::optional<ObjectName> by_owner(const Block& block, Address owner) const;

 private:
  bool in_module(Address address) const;
  std::optional<ObjectName> as_string(const Block& block, Address owner) const;
  std::optional<ObjectName> as_vector(const Block& block, Address owner) const;

  HeapInput input_;
};

}  // namespace inquest::process
