// Hostile memory and hostile text: what reads last words, exceptions, panics, signal frames and
// stored facts.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "diagnosis/facts/abort.h"
#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/arithmetic.h"
#include "diagnosis/facts/cxx_exception.h"
#include "diagnosis/facts/environment.h"
#include "diagnosis/facts/facts_json.h"
#include "diagnosis/facts/fake_memory_test_util.h"
#include "diagnosis/facts/own_handler.h"
#include "diagnosis/facts/poison.h"
#include "diagnosis/facts/rust_panic.h"

namespace {

using namespace inquest;
using namespace inquest::diagnosis;

constexpr uint64_t kBase = 0x10000;

// The input is the memory of a process from kBase on, so that its words can point into it.
void read_memory(ByteView bytes) {
  auto owned = std::make_unique<FakeMemory>();
  FakeMemory& memory = *owned;
  const AddressRange range{Address(kBase), Address(kBase + bytes.size())};
  memory.put(range.start, Bytes(bytes.begin(), bytes.end()));
  process::ProcessImage image;
  image.memory = std::move(owned);
  image.mappings.push_back({.range = range, .protection = process::Protection{true, true, false}});
  image.auxv[25] = kBase;
  for (uint64_t offset = 0; offset + 8 <= bytes.size(); offset += 8) {
    const Address at = range.start + offset;
    static_cast<void>(read_abort_message(memory, at));
    static_cast<void>(read_panic_location(memory, at));
    static_cast<void>(read_exception(memory, at));
    static_cast<void>(type_name(memory, at));
    isa::RegisterFile registers(offset % 16 == 0 ? isa::Arch::kX86_64 : isa::Arch::kAArch64);
    registers.set_sp(at);
    static_cast<void>(read_signal_frame(registers, memory));
    static_cast<void>(find_poison(*load<uint64_t>(bytes, offset)));
  }
  const auto exception = find_exception({.memory = memory,
                                         .arch = isa::Arch::kX86_64,
                                         .thread_pointer = range.end,
                                         .stack_words = range,
                                         .heap = {range}});
  if (exception) INQ_CHECK(exception->what.size() <= 64 * 1024);
  static_cast<void>(find_unnamed_panic(image, memory, range));
  static_cast<void>(malloc_perturb_byte(image));
  static_cast<void>(enabled_features(bytes));
}

void read_text(std::string_view text) {
  const AbortFacts abort = parse_abort_text(text);
  INQ_CHECK(abort.message.size() <= kMaxAbortText);
  static_cast<void>(is_plausible_text(text));
  const auto facts = facts_from_json(text);
  if (!facts.ok()) return;
  const std::string written = to_json(*facts);
  const auto again = facts_from_json(written);
  INQ_CHECK(again.ok() && to_json(*again) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMaxInput = 16 * 1024;
  if (size == 0 || size > kMaxInput) return 0;
  if (data[0] == '{' || data[0] == 't') {
    read_text({reinterpret_cast<const char*>(data), size});
  } else {
    read_memory({data, size});
  }
  return 0;
}
