// Versions of symbols: which a file asks of its libraries, and which it has.
#include "binary/elf/file.h"
#include "binary/elf/layout.h"

namespace inquest::elf {
namespace {

constexpr size_t kMaxVersions = 4096;  // in all; libc.so.6 has 40

}  // namespace

std::vector<VersionNeed> File::needed_versions() const {
  std::vector<VersionNeed> needs;
  const auto table = dynamic_value(kDtVerneed);
  if (!table) return needs;
  const ByteView bytes = bytes_from(*table);
  uint64_t at = 0;
  for (size_t libraries = 0; libraries < kMaxVersions; ++libraries) {
    const auto need = load<RawVersionNeed>(bytes, at);
    if (!need) break;
    const auto library = dynamic_name(need->library);
    uint64_t one = at + need->first;
    for (size_t left = need->count; library && left > 0 && needs.size() < kMaxVersions; --left) {
      const auto version = load<RawNeededVersion>(bytes, one);
      if (!version) break;
      if (const auto name = dynamic_name(version->name)) needs.push_back({*library, *name});
      if (version->next == 0) break;
      one += version->next;
    }
    if (need->next == 0) break;
    at += need->next;
  }
  return needs;
}

std::vector<std::string_view> File::defined_versions() const {
  std::vector<std::string_view> names;
  const auto table = dynamic_value(kDtVerdef);
  if (!table) return names;
  const ByteView bytes = bytes_from(*table);
  for (uint64_t at = 0; names.size() < kMaxVersions;) {
    const auto definition = load<RawVersionDefinition>(bytes, at);
    if (!definition) break;
    const auto offset = load<uint32_t>(bytes, at + definition->first);
    if (const auto name = offset ? dynamic_name(*offset) : std::nullopt) names.push_back(*name);
    if (definition->next == 0) break;
    at += definition->next;
  }
  return names;
}

}  // namespace inquest::elf
