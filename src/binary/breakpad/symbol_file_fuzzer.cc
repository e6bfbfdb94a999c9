// A symbol file held in memory. What it answers must be in order and lie inside the file.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "binary/breakpad/symbol_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  const auto file = breakpad::SymbolFile::parse({data, size}, "fuzz");
  if (!file.ok()) {
    INQ_CHECK(!file.error().message().empty());
    return 0;
  }
  const auto* start = reinterpret_cast<const char*>(data);
  const auto inside = [&](std::string_view text) {
    return text.empty() || (text.data() >= start && text.data() + text.size() <= start + size);
  };
  constexpr uint64_t kAddresses = 512;
  for (uint64_t i = 0; i < kAddresses; ++i) {
    // All of a small program's, and some further on.
    const uint64_t address = i < kAddresses / 2 ? i : uint64_t{1} << (i % 64) | i;
    if (const auto function = (*file)->function_at(address)) {
      INQ_CHECK(function->start <= address && address < function->end && inside(function->name));
      uint64_t last = 0;
      for (const breakpad::SourceLine& line : function->lines) {
        INQ_CHECK(last <= line.address);
        last = line.address;
        INQ_CHECK(inside((*file)->file_name(line.file)));
      }
      uint32_t depth = 0;
      for (const breakpad::InlinedCall& call : function->calls) {
        INQ_CHECK(depth <= call.depth && inside(call.name) && !call.ranges.empty());
        depth = call.depth;
      }
    }
    if (const auto rules = (*file)->rules_at(address)) {
      INQ_CHECK(rules->start <= address && address < rules->end);
      INQ_CHECK(rules->rules.size() <= breakpad::kMaxFrameRules);
      for (const breakpad::FrameRule& rule : rules->rules) {
        INQ_CHECK(inside(rule.name) && inside(rule.expression));
      }
    }
  }
  return 0;
}
