#include "process/input/minidump_modules.h"

#include <algorithm>

namespace inquest::process {
namespace {

constexpr uint64_t kEntrySize = 108;  // MINIDUMP_MODULE
constexpr uint64_t kBaseAt = 0, kSizeAt = 8, kNameAt = 20, kCodeViewAt = 76;
constexpr uint32_t kBuildIdRecord = 0x4270454c;  // "LEpB"
constexpr uint32_t kGuidRecord = 0x53445352;     // "RSDS"
constexpr uint64_t kGuidSize = 16;

BuildId identity_of(ByteView record) {
  const auto signature = load<uint32_t>(record);
  if (!signature) return {};
  ByteView id;
  if (*signature == kBuildIdRecord) id = record.subspan(4);
  if (*signature == kGuidRecord) id = slice(record, 4, kGuidSize).value_or(ByteView());
  const bool none = std::all_of(id.begin(), id.end(), [](uint8_t byte) { return byte == 0; });
  return none ? BuildId() : BuildId(id);
}

}  // namespace

MinidumpModules read_minidump_modules(const MinidumpFile& file) {
  MinidumpModules result;
  for (const ByteView entry : file.list(minidump::kModuleList, kEntrySize)) {
    const uint64_t base = *load<uint64_t>(entry, kBaseAt);
    const uint64_t size = *load<uint32_t>(entry, kSizeAt);
    const auto end = checked_add(base, size);
    if (size == 0 || !end || result.modules.size() >= kMaxListedModules) {
      ++result.unusable;
      continue;
    }
    ListedModule module;
    module.path = file.utf16(*load<uint32_t>(entry, kNameAt));
    module.range = {Address(base), Address(*end)};
    module.identity = identity_of(file.whole(location_at(entry, kCodeViewAt)));
    if (result.first.empty()) result.first = module.path;
    result.modules.push_back(std::move(module));
  }
  std::stable_sort(
      result.modules.begin(), result.modules.end(),
      [](const ListedModule& a, const ListedModule& b) { return a.range.start < b.range.start; });
  return result;
}

}  // namespace inquest::process
