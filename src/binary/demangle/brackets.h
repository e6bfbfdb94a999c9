// Which '<' and '>' of a demangled name are template brackets, and which are operators. Internal to
// this room.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace inquest::demangle {

inline constexpr int32_t kNotABracket = -1;

// For each character: the position of its partner when it is a template bracket, else kNotABracket.
// Brackets nest properly, among themselves and with (), [] and {}.
std::vector<int32_t> template_brackets(std::string_view name);

}  // namespace inquest::demangle
