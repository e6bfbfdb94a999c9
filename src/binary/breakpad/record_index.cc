#include "binary/breakpad/record_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "binary/breakpad/fields.h"

namespace inquest::breakpad {
namespace {

constexpr uint64_t kStretch = uint64_t{8} << 20;  // bytes between two words to done_with

class Builder {
 public:
  // False when the limit is reached.
  bool add(std::string_view line, uint64_t offset) {
    switch (line.front()) {
      case 'F':
        if (line.starts_with("FUNC ")) return add_address(index.functions, line.substr(5), offset);
        if (line.starts_with("FILE ")) return add_number(index.files, line.substr(5), offset);
        return true;
      case 'P':
        if (line.starts_with("PUBLIC ")) return add_address(index.publics, line.substr(7), offset);
        return true;
      case 'S':
        if (line.starts_with("STACK CFI INIT "))
          return add_address(index.frames, line.substr(15), offset);
        return true;
      case 'I':
        if (line.starts_with("INLINE_ORIGIN "))
          return add_number(index.origins, line.substr(14), offset);
        return true;
      default:
        return true;
    }
  }

  RecordIndex index;

 private:
  // "m " in front: several symbols name this code.
  bool add_address(RecordIndex::Places& places, std::string_view rest, uint64_t offset) {
    Fields fields(rest.starts_with("m ") ? rest.substr(2) : rest);
    return put(places, fields.hex(), offset);
  }
  bool add_number(RecordIndex::Places& places, std::string_view rest, uint64_t offset) {
    Fields fields(rest);
    return put(places, fields.decimal(), offset);
  }
  bool put(RecordIndex::Places& places, std::optional<uint64_t> key, uint64_t offset) {
    if (!key) return true;
    if (++count_ > kMaxRecords) return false;
    places.push_back({*key, offset});
    return true;
  }

  size_t count_ = 0;
};

void sort(RecordIndex::Places& places) {
  const auto less = [](const RecordIndex::Place& a, const RecordIndex::Place& b) {
    return a.key < b.key;
  };
  // dump_syms writes them sorted, but nothing says that it must.
  if (!std::is_sorted(places.begin(), places.end(), less)) {
    std::stable_sort(places.begin(), places.end(), less);
  }
}

}  // namespace

Result<RecordIndex> RecordIndex::build(std::string_view text,
                                       const std::function<void(uint64_t, uint64_t)>& done_with) {
  Builder builder;
  uint64_t offset = 0, told = 0;
  while (offset < text.size()) {
    const char* start = text.data() + offset;
    const uint64_t left = text.size() - offset;
    const void* end = std::memchr(start, '\n', left);
    const uint64_t size =
        end == nullptr ? left : static_cast<uint64_t>(static_cast<const char*>(end) - start);
    if (size != 0 && !builder.add({start, size}, offset)) {
      return Error(ErrorCode::kTooLarge,
                   fmt::format("a symbol file of over {} records", kMaxRecords));
    }
    offset += size + 1;
    if (offset - told >= kStretch) {
      done_with(told, offset - told);
      told = offset;
    }
  }
  done_with(told, text.size() - std::min<uint64_t>(told, text.size()));
  RecordIndex& index = builder.index;
  for (auto* places :
       {&index.functions, &index.publics, &index.frames, &index.files, &index.origins}) {
    sort(*places);
  }
  return std::move(index);
}

std::optional<size_t> RecordIndex::at_or_before(const Places& places, uint64_t key) {
  const auto after = std::upper_bound(places.begin(), places.end(), key,
                                      [](uint64_t k, const Place& place) { return k < place.key; });
  if (after == places.begin()) return std::nullopt;
  return static_cast<size_t>(after - places.begin()) - 1;
}

const RecordIndex::Place* RecordIndex::exactly(const Places& places, uint64_t key) {
  const auto found = std::lower_bound(places.begin(), places.end(), key,
                                      [](const Place& place, uint64_t k) { return place.key < k; });
  return found != places.end() && found->key == key ? &*found : nullptr;
}

uint64_t RecordIndex::key_after(const Places& places, uint64_t key, uint64_t none) {
  const auto after = std::upper_bound(places.begin(), places.end(), key,
                                      [](uint64_t k, const Place& place) { return k < place.key; });
  return after == places.end() ? none : after->key;
}

}  // namespace inquest::breakpad
