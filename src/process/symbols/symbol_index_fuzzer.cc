// The file is an index of the build-id that its own header names; every entry and record is read.
#include "process/symbols/function_record.h"
#include "process/symbols/symbol_index.h"

using namespace inquest;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  // Records on their own: checksums would keep mutations away from them.
  if (const auto record = process::decode_function_record(bytes); record.ok()) {
    for (const auto& [low, high] : record->ranges) record->frames_at(low + (high - low) / 2);
    process::encode(*record);
  }
  constexpr uint64_t kIdSizeAt = 12, kIdAt = 16;
  const auto id = slice(bytes, kIdAt, load<uint32_t>(bytes, kIdSizeAt).value_or(0) & 0x3f);
  if (!id) return 0;
  const auto view = process::SymbolIndexView::parse(bytes, BuildId(*id));
  if (!view.ok()) return 0;
  for (const auto& range : view->ranges()) view->record(range);
  view->blobs();
  process::IndexAdditions additions;
  additions.blobs["key"] = {1};
  process::merge_index(BuildId(*id), &*view, additions);
  return 0;
}
