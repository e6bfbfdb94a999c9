// What a V8 says of itself: the integers v8dbg_* that its build exports for debuggers
// (tools/gen-postmortem-metadata.py of V8), and its version.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "binary/elf/file.h"

namespace inquest::process::v8 {

struct Version {
  int32_t major = 0, minor = 0, build = 0, patch = 0;
  auto operator<=>(const Version&) const = default;
};

std::string to_string(const Version& version);  // "13.6.233.17"

class Metadata {
 public:
  // kNotFound with an empty message: this binary holds no V8.
  static Result<Metadata> read(const elf::File& binary);

  const Version& version() const { return version_; }
  // v8dbg_NAME
  std::optional<int32_t> constant(std::string_view name) const;
  // v8dbg_class_CLASS__FIELD__TYPE, of whatever type: types are renamed at each turn.
  std::optional<int32_t> field(std::string_view class_name, std::string_view field) const;

 private:
  Version version_;
  std::map<std::string, int32_t, std::less<>> constants_;  // without "v8dbg_"
};

}  // namespace inquest::process::v8
