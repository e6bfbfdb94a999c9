// Names and paths that come with packages of others.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lab/audit/choice.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest::audit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Loader loader;
  loader.libc = LibC::kGlibc;
  static_cast<void>(why_not_for(target_of(text), loader));
  static_cast<void>(python_tag(text));
  static_cast<void>(python_name(text, {".abi3.so", ".so"}));
  static_cast<void>(parse_glibc_version(text));
  const size_t half = size / 2;
  static_cast<void>(
      first_choice({std::string(text.substr(0, half)), std::string(text.substr(half))}));
  return 0;
}
