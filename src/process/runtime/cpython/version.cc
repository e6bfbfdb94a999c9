#include "process/runtime/cpython/version.h"

#include <fmt/format.h>

#include "base/words.h"

namespace inquest::process::cpython {

std::optional<Version> version_of_hex(uint64_t hex) {
  if (hex >> 32 != 0 || hex >> 24 != 3) return std::nullopt;
  return Version{.major = 3,
                 .minor = static_cast<uint32_t>(hex >> 16 & 0xff),
                 .patch = static_cast<uint32_t>(hex >> 8 & 0xff)};
}

std::optional<Version> version_of_name(std::string_view name) {
  constexpr std::string_view kPython = "python";
  const size_t at = name.find(kPython);
  if (at == std::string_view::npos) return std::nullopt;
  name.remove_prefix(at + kPython.size());
  const auto major = take_number<uint32_t>(name);
  if (major != 3u || !name.starts_with('.')) return std::nullopt;
  name.remove_prefix(1);
  const auto minor = take_number<uint32_t>(name);
  if (!minor || *minor > 0xff) return std::nullopt;
  return Version{.major = 3, .minor = *minor, .patch = std::nullopt};
}

std::string to_string(const Version& version) {
  return version.patch ? fmt::format("{}.{}.{}", version.major, version.minor, *version.patch)
                       : fmt::format("{}.{}", version.major, version.minor);
}

}  // namespace inquest::process::cpython
