// The kernel's texts, with names in them that the process chose.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/scrub.h"
#include "capture/record/circumstances.h"
#include "capture/record/proc_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Address last;
  for (const capture::LiveMapping& mapping : capture::parse_maps(text)) {
    INQ_CHECK(last <= mapping.range.start && mapping.range.start < mapping.range.end);
    last = mapping.range.end;
  }
  static_cast<void>(capture::parse_smaps_flags(text));
  static_cast<void>(capture::parse_status(text));
  static_cast<void>(capture::parse_stat(text));
  static_cast<void>(capture::parse_auxv(text));
  static_cast<void>(capture::names_in_cgroup(text));
  const std::string once = scrub_text(text);
  INQ_CHECK(scrub_text(once) == once);
  static_cast<void>(scrub_variable(text));
  return 0;
}
