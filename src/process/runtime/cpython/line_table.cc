#include "process/runtime/cpython/line_table.h"

#include "base/cursor.h"

namespace inquest::process::cpython {
namespace {

std::optional<CodePlace> place_if_positive(int64_t line, uint64_t column = 0) {
  if (line <= 0 || line > INT32_MAX) return std::nullopt;
  return CodePlace{static_cast<uint32_t>(line),
                   column <= INT32_MAX ? static_cast<uint32_t>(column) : 0};
}

std::optional<CodePlace> from_line_numbers(ByteView table, int64_t line, int64_t offset) {
  Cursor cursor(table);
  int64_t at = 0;
  while (cursor.remaining() >= 2) {
    at += cursor.u8();
    if (at > offset) break;
    line += cursor.i8();
  }
  return place_if_positive(line);
}

std::optional<CodePlace> from_ranges(ByteView table, int64_t line, int64_t offset) {
  constexpr int8_t kNoLine = -128;
  Cursor cursor(table);
  int64_t end = 0;
  while (cursor.remaining() >= 2) {
    end += cursor.u8();
    const int8_t change = cursor.i8();
    if (change != kNoLine) line += change;
    if (offset < end) return change == kNoLine ? std::nullopt : place_if_positive(line);
  }
  return std::nullopt;
}

// Numbers of six bits a byte, the lowest first; bit 6 says that more follow.
class Locations {
 public:
  explicit Locations(ByteView table) : cursor_(table) {}

  bool more() const { return cursor_.ok() && !cursor_.at_end(); }
  uint8_t byte() { return cursor_.u8(); }
  int64_t number() {
    int64_t value = 0;
    for (unsigned shift = 0; shift < 36; shift += 6) {
      const uint8_t byte = cursor_.u8();
      value |= static_cast<int64_t>(byte & 0x3f) << shift;
      if ((byte & 0x40) == 0) break;
    }
    return value;
  }
  int64_t signed_number() {
    const int64_t value = number();
    return (value & 1) != 0 ? -(value >> 1) : value >> 1;
  }
  bool ok() const { return cursor_.ok(); }

 private:
  Cursor cursor_;
};

// One entry: what it says of its instructions. Moves `line`.
std::optional<CodePlace> read_entry(Locations& table, unsigned code, int64_t& line) {
  if (code == 15) return std::nullopt;
  if (code == 13) {
    line += table.signed_number();
    return place_if_positive(line);
  }
  if (code == 14) {
    line += table.signed_number();
    table.number();  // lines to the end
    const int64_t column = table.number();
    table.number();                                                 // column of the end
    return place_if_positive(line, static_cast<uint64_t>(column));  // told as one more; 0: none
  }
  if (code >= 10) {
    line += code - 10;
    const uint64_t column = uint64_t{table.byte()} + 1;
    table.byte();  // column of the end
    return place_if_positive(line, column);
  }
  return place_if_positive(line, (uint64_t{code} << 3 | table.byte() >> 4) + 1);
}

std::optional<CodePlace> from_locations(ByteView bytes, int64_t line, int64_t offset) {
  constexpr int64_t kUnit = 2;  // bytes
  Locations table(bytes);
  int64_t end = 0;
  while (table.more()) {
    const uint8_t head = table.byte();
    end += ((head & 7) + 1) * kUnit;
    const auto place = read_entry(table, head >> 3 & 15, line);
    if (!table.ok()) return std::nullopt;
    if (offset < end) return place;
  }
  return std::nullopt;
}

}  // namespace

std::optional<CodePlace> place_of(LineFormat format, ByteView table, uint32_t first_line,
                                  int64_t offset) {
  if (offset < 0) return place_if_positive(first_line);
  switch (format) {
    case LineFormat::kLineNumbers:
      return from_line_numbers(table, first_line, offset);
    case LineFormat::kRanges:
      return from_ranges(table, first_line, offset);
    case LineFormat::kLocations:
      return from_locations(table, first_line, offset);
  }
  return std::nullopt;
}

}  // namespace inquest::process::cpython
