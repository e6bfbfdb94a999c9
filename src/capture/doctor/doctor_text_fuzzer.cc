// The texts that doctor reads: files in systemd's syntax, core_pattern, JavaScript.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "capture/doctor/core_pattern.h"
#include "capture/doctor/js_traps.h"
#include "capture/doctor/settings.h"

namespace inquest::doctor {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Settings settings;
  settings.read(text, "fuzz");
  if (const auto* value = settings.find("Service", "RestartSec")) {
    INQ_CHECK(!value->text.empty());
    parse_span(value->text);
    parse_size(value->text);
  }
  parse_span(text);
  parse_size(text);
  handler_of(parse_core_pattern(text));
  for (const JsTrap& trap : find_js_traps(text, "fuzz.js")) INQ_CHECK(trap.line > 0);
  return 0;
}

}  // namespace inquest::doctor
