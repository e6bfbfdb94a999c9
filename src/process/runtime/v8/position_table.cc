#include "process/runtime/v8/position_table.h"

namespace inquest::process::v8 {
namespace {

constexpr int kOffsetBits = 30, kInliningBits = 16;

int64_t unsigned_to_signed(uint64_t zigzag) {
  return static_cast<int64_t>(zigzag >> 1) ^ -static_cast<int64_t>(zigzag & 1);
}

int64_t wrapping_add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

class Entries {
 public:
  Entries(ByteView table, bool has_flag) : table_(table), has_flag_(has_flag) {}

  // False at the end of the table or of what is sound.
  bool next() {
    const auto offset = read_varint(table_, at_);
    const auto position = offset ? read_varint(table_, at_) : std::nullopt;
    if (!position) return false;
    // The sign tells whether a statement or an expression starts there.
    int64_t step = unsigned_to_signed(*offset);
    if (step < 0) step = -(step + 1);
    code_offset = wrapping_add(code_offset, has_flag_ ? step >> 1 : step);
    raw_position = wrapping_add(raw_position, unsigned_to_signed(*position));
    return true;
  }

  int64_t code_offset = -1;
  int64_t raw_position = 0;

 private:
  ByteView table_;
  bool has_flag_;
  uint64_t at_ = 0;
};

}  // namespace

std::optional<SourcePosition> SourcePosition::unpack(int64_t raw) {
  const auto bits = static_cast<uint64_t>(raw);
  const uint64_t offset = bits >> 1 & ((uint64_t{1} << kOffsetBits) - 1);
  const uint64_t inlined = bits >> (1 + kOffsetBits) & ((uint64_t{1} << kInliningBits) - 1);
  const bool is_external = (bits & 1) != 0;
  if (is_external || offset == 0) return std::nullopt;  // both are kept plus one
  SourcePosition position{.offset = static_cast<uint32_t>(offset - 1), .inlined = std::nullopt};
  if (inlined != 0) position.inlined = static_cast<uint32_t>(inlined - 1);
  return position;
}

std::optional<SourcePosition> position_at(ByteView table, uint64_t offset, bool has_flag) {
  Entries entries(table, has_flag);
  std::optional<int64_t> best;
  while (entries.next() && entries.code_offset <= static_cast<int64_t>(offset))
    best = entries.raw_position;
  return best ? SourcePosition::unpack(*best) : std::nullopt;
}

std::optional<uint64_t> read_varint(ByteView bytes, uint64_t& at) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at >= bytes.size()) return std::nullopt;
    const uint8_t byte = bytes[at++];
    value |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

}  // namespace inquest::process::v8
