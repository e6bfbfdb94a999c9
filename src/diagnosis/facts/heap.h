// What the heap around a crash tells: the blocks that the fault, its registers and free()'s
// argument lead to, and damage near them. Walks only their neighbourhood.
#pragma once

#include <optional>

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// `facts`: with fault, abort and places filled in. nullopt when no allocator was recognised or
// nothing of the crash leads into its memory.
std::optional<HeapFacts> describe_heap(const Site& site, const Facts& facts);

// "shop::Order" for RTTI's "N4shop5OrderE".
std::string type_of_mangled(const std::string& mangled);

}  // namespace inquest::diagnosis
