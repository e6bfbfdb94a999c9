// Paths, names and lists that come with packages of others.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "process/packages/cargo.h"
#include "process/packages/debian.h"
#include "process/packages/npm.h"
#include "process/packages/python.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest::packages;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(crate_of(text));
  static_cast<void>(npm_directory_of(text));
  static_cast<void>(record_path(text));
  static_cast<void>(distribution_name(text));
  const size_t half = size / 2;
  static_cast<void>(dpkg_version(text.substr(half), text.substr(0, half)));
  // Nothing is there: the path alone is judged.
  NpmPackages npm("/nonexistent");
  PythonPackages python("/nonexistent");
  static_cast<void>(npm.owner_of(std::string(text)));
  static_cast<void>(python.owner_of(std::string(text)));
  return 0;
}
