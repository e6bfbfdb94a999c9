#include "process/runtime/v8/baseline.h"

#include <algorithm>
#include <array>

#include "process/runtime/v8/position_table.h"

namespace inquest::process::v8 {
namespace {

// Wide, ExtraWide, four breaks of debuggers without operands, four of one to four operands.
constexpr std::array<uint8_t, 9> kFirstRow = {1, 1, 1, 1, 1, 2, 3, 4, 5};
constexpr std::array<uint8_t, 9> kSecondRow = {1, 1, 1, 1, 1, 3, 5, 7, 9};
constexpr size_t kFewest = 128, kMost = 256;  // bytecodes
constexpr uint8_t kWide = 0, kExtraWide = 1;
constexpr uint8_t kLongest = 32;  // bytes

bool is_table(ByteView rows, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const int one = rows[i], two = rows[count + i], four = rows[2 * count + i];
    if (one == 0 || one > kLongest || two < one || four - one != 3 * (two - one)) return false;
  }
  return true;
}

}  // namespace

std::optional<BytecodeSizes> BytecodeSizes::find(ByteView constants) {
  auto at = constants.begin();
  while (true) {
    at = std::search(at, constants.end(), kFirstRow.begin(), kFirstRow.end());
    if (at == constants.end()) return std::nullopt;
    const ByteView rest(at, constants.end());
    for (size_t count = kFewest; count <= kMost && 3 * count <= rest.size(); ++count) {
      if (!std::equal(kSecondRow.begin(), kSecondRow.end(), rest.begin() + count)) continue;
      if (!is_table(rest, count)) continue;
      BytecodeSizes sizes;
      sizes.sizes_.assign(rest.begin(), rest.begin() + 3 * count);
      sizes.count_ = count;
      return sizes;
    }
    ++at;
  }
}

uint64_t BytecodeSizes::size_at(ByteView bytecodes, uint64_t offset) const {
  if (offset >= bytecodes.size()) return 0;
  uint8_t code = bytecodes[offset];
  size_t row = 0;
  if (code == kWide || code == kExtraWide) {
    if (offset + 1 >= bytecodes.size()) return 0;
    row = code == kWide ? 1 : 2;
    code = bytecodes[offset + 1];
  }
  if (code >= count_) return 0;
  return sizes_[row * count_ + code] + (row == 0 ? 0u : 1u);
}

std::optional<uint64_t> bytecode_at(const BytecodeSizes& sizes, ByteView table, ByteView bytecodes,
                                    uint64_t pc_offset) {
  uint64_t at = 0, next = 0, current = 0;
  auto end = read_varint(table, at);  // of what comes before the first bytecode
  if (!end) return std::nullopt;
  uint64_t reached = *end;
  while (reached < pc_offset) {
    end = read_varint(table, at);
    const uint64_t size = sizes.size_at(bytecodes, next);
    if (!end || size == 0 || reached + *end < reached) return std::nullopt;
    reached += *end;
    current = next;
    next += size;
  }
  return current;
}

}  // namespace inquest::process::v8
