// Names: what a DIE is called, with the namespaces and classes around it, and where it was
// declared.
#pragma once

#include <string>
#include <string_view>

#include "binary/dwarf/store.h"

namespace inquest::dwarf {

// A DIE's own attributes and those of the abstract instance and declaration that it refers to.
struct Identity {
  Die named;  // the DIE at the end of the chain: its place in the tree gives the qualified name
  std::string_view name;
  std::string_view linkage_name;
  Die declared;  // whose unit decl_file counts in
  std::optional<uint64_t> decl_file, decl_line;
};
Identity identify(Store& store, const Die& die);

// "shop::Order", "(anonymous namespace)::Cache"; empty for a DIE without a name.
std::string qualified_name(Store& store, const Die& die);

}  // namespace inquest::dwarf
