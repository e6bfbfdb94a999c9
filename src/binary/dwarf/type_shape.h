// What type DIEs say, shared by the files that answer questions about types.
#pragma once

#include "binary/dwarf/constants.h"
#include "binary/dwarf/impl.h"

namespace inquest::dwarf {

inline constexpr int kMaxTypeDepth = 24;

// Typedefs and qualifiers: they change nothing about the bytes.
bool is_transparent(const Die& die);
// Through typedefs and qualifiers; empty for void and for loops.
Die strip_die(Store& store, Die die);
// The element counts of an array, outermost first.
std::vector<std::optional<uint64_t>> dimensions_of(Store& store, const Die& array);
// Bytes; nullopt for incomplete types.
std::optional<uint64_t> size_of(Store& store, const Die& die, int depth = 0);
// Members, bases, variants, enumerators and template arguments, as far as the type has them.
void read_contents(Store& store, const Die& die, Type& type);
void read_enumerators(Store& store, const Die& die, Type& type);
// As in source: "const shop::Order*".
std::string write_type(Store& store, const Die& die);

// Calls `visit` for each child of the DIE itself.
template <typename Visit>
void for_each_child(Store& store, const Die& parent, Visit&& visit) {
  Walker walker(store, parent);
  if (!walker.next()) return;
  while (walker.next()) {
    visit(walker.die());
    walker.skip_children();
  }
}

}  // namespace inquest::dwarf
