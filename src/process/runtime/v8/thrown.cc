#include "process/runtime/v8/thrown.h"

#include <optional>

#include "base/scrub.h"
#include "process/runtime/v8/properties.h"

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kMaxWords = 4096;
constexpr size_t kMaxProperties = 16;

std::string message_of(const Heap& heap, Word error) {
  const auto properties = own_properties(heap, error, kMaxProperties);
  if (!properties.ok()) return {};
  for (const Property& property : properties->list) {
    const auto key = key_text(heap, property.key);
    if (!key.ok() || *key != "message" || property.is_accessor) continue;
    const auto text = heap.text(property.value);
    return text.ok() ? scrub_text(*text) : std::string();
  }
  return {};
}

}  // namespace

std::string thrown_between(const Heap& heap, const Functions& functions, Address low,
                           Address high) {
  const uint16_t type = heap.layout().values.types.error;
  std::optional<Word> found;
  for (uint64_t i = 0; i < kMaxWords && low + 8 * i < high; ++i) {
    const auto word = heap.word(low + 8 * i);
    if (!word.ok()) break;
    Word error = *word;
    if (!heap.is(error, type)) {
      const auto inner = error.is_small() ? heap.word(Address(error.bits)) : word;
      if (!inner.ok() || !heap.is(*inner, type)) continue;
      error = *inner;
    }
    if (found && !(*found == error)) return {};
    found = error;
  }
  if (!found) return {};
  const std::string message = message_of(heap, *found);
  const std::string name = functions.class_of(*found);
  if (message.empty() || name.empty()) return message.empty() ? name : message;
  return name + ": " + message;
}

}  // namespace inquest::process::v8
