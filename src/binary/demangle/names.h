// Making demangled names shorter without changing what they say. Text in, text out; linear in time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace inquest::demangle {

// The C++ name as a programmer would have typed it: std::string for the basic_string it is, default
// allocators, comparators, hashes and deleters left out, inline namespaces (std::__cxx11, std::__1)
// and ABI tags gone, `>>` for `> >`. An argument is left out only when it is exactly the default.
// Not for Rust names.
std::string simplify_cxx(std::string_view demangled);

// Replaces template arguments by "..." from the innermost outwards until the name fits `max` bytes.
// A name that is too long even then stays so: its own words are never cut.
std::string shorten_template_arguments(std::string_view name, size_t max);

// The name without template arguments: "Box::get" of "Box<int>::get". What stands in Rust's "<T as
// Trait>::method" is no argument: it stays, without arguments of its own.
std::string remove_template_arguments(std::string_view name);

// The name alone of a demangled function, C++ or Rust: without return type, parameters and what
// follows them ("std::vector<int>::at" of "int& std::vector<int>::at(size_t) const"). A view into
// `demangled`.
std::string_view name_of_demangled(std::string_view demangled);

}  // namespace inquest::demangle
