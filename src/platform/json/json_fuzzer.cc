// What parses must be written to text that parses to the same value.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "platform/json/value.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = parse_json(text);
  if (!value.ok()) return 0;
  const std::string compact = to_json(*value, JsonWriter::Style::kCompact);
  const auto again = parse_json(compact);
  INQ_CHECK(again.ok() && to_json(*again, JsonWriter::Style::kCompact) == compact);
  const auto pretty = parse_json(to_json(*value));
  INQ_CHECK(pretty.ok() && *pretty == *again);
  return 0;
}
