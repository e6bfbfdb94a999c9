// Symbol names as people write them: C++ (Itanium ABI), Rust (legacy and v0). Names are hostile
// input.
//
// Never fails: what is not mangled, or cannot be demangled within the limits, comes back as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace inquest::demangle {

inline constexpr size_t kMaxMangledSize = 16 * 1024;    // longer names are returned as they are
inline constexpr size_t kMaxDemangledSize = 64 * 1024;  // so are names that would grow beyond this

// What compilers and linkers append: ".cold", ".part.0", ".constprop.0.isra.0", ".llvm.123",
// "@@GLIBC_2.2.5", " [clone .cold]".
enum class Suffix {
  kShow,   // "f(int) [.cold]", "memcpy [@@GLIBC_2.14]"
  kStrip,  // "f(int)", "memcpy"
};

// With parameters: "ns::Box<int>::get(int) const". Function templates carry their return type in
// front.
std::string demangle(std::string_view symbol, Suffix suffix = Suffix::kShow);

// Without parameters and return type: "ns::Box<int>::get". Rust names have neither: as demangle().
std::string demangle_name_only(std::string_view symbol, Suffix suffix = Suffix::kShow);

// The name and what was appended to it, both views into `symbol`.
struct SplitSymbol {
  std::string_view name;
  std::string_view suffix;  // ".cold", "@@GLIBC_2.2.5", ".isra.0@@V1"; empty when there is none
};
SplitSymbol split_suffix(std::string_view symbol);

}  // namespace inquest::demangle
