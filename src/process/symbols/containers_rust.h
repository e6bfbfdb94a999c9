// Shared by the files that print Rust's library types.
#pragma once

#include "process/symbols/containers.h"

namespace inquest::process {

// The first raw pointer inside a chain of one-field wrappers (Unique<T>, NonNull<T>).
std::optional<Field> rust_pointer(Types& types, Field field);
// "name of length 3 = {…}" of `length` elements at `data`.
void rust_elements(const ContainerQuestion& q, dwarf::DieRef type, uint64_t data, uint64_t length);

bool print_rust_enum(const ContainerQuestion& q);
bool print_rust_collection(
    const ContainerQuestion& q);  // VecDeque, LinkedList, HashMap, BTreeMap …

}  // namespace inquest::process
