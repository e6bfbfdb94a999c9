// Which CPython it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inquest::process::cpython {

struct Version {
  uint32_t major = 0, minor = 0;
  std::optional<uint32_t> patch;  // nullopt: only major and minor are known

  bool is_at_least(uint32_t other) const { return minor >= other; }  // 3.`other`
};

// Of PY_VERSION_HEX (Include/patchlevel.h): 0x030b02f0 is 3.11.2. nullopt when it is no 3.x.
std::optional<Version> version_of_hex(uint64_t hex);
// "python3.9", "libpython3.6m.so.1.0" → 3.9, 3.6. nullopt when the name does not tell.
std::optional<Version> version_of_name(std::string_view name);

std::string to_string(const Version& version);  // "3.11.2", or "3.9"

}  // namespace inquest::process::cpython
