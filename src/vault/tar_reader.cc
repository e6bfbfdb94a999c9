#include <algorithm>
#include <charconv>
#include <cstring>
#include <numeric>

#include "base/utf8.h"
#include "vault/tar.h"

namespace inquest::vault {
namespace {

// Offsets in a header block.
constexpr size_t kSizeField = 124, kChecksumField = 148, kTypeField = 156, kMagicField = 257,
                 kPrefixField = 345;

Error corrupt(std::string_view what) { return {ErrorCode::kCorrupt, std::string(what)}; }

std::string_view text_at(ByteView block, size_t offset, size_t size) {
  return c_string(block.subspan(offset, size));
}

std::optional<uint64_t> octal(ByteView field) {
  if ((field[0] & 0x80) != 0) {  // GNU: base 256
    uint64_t value = field[0] & 0x7f;
    for (const uint8_t byte : field.subspan(1)) {
      if (value >> 55 != 0) return std::nullopt;
      value = value << 8 | byte;
    }
    return value;
  }
  uint64_t value = 0;
  bool any = false;
  for (const uint8_t byte : field) {
    if (byte == ' ' && !any) continue;
    if (byte == ' ' || byte == 0) break;
    if (byte < '0' || byte > '7' || value >> 60 != 0) return std::nullopt;
    value = value * 8 + (byte - '0');
    any = true;
  }
  return value;
}

std::optional<uint64_t> decimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool checksum_agrees(ByteView block) {
  const auto claimed = octal(block.subspan(kChecksumField, 8));
  uint64_t sum = std::accumulate(block.begin(), block.end(), uint64_t{0});
  for (size_t i = 0; i < 8; ++i) sum += uint64_t{' '} - block[kChecksumField + i];
  return claimed && *claimed == sum;
}

bool is_clean(std::string_view name, uint64_t max) {
  if (name.empty() || name.size() > max || name.find('\0') != std::string_view::npos) return false;
  if (repair_utf8(name) != name) return false;  // names are told on as JSON
  while (true) {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

uint64_t padding_of(uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

}  // namespace

Status TarReader::feed(ByteView bytes) {
  while (!bytes.empty()) {
    if (state_ == State::kDone) return {};
    if (state_ == State::kHeader || state_ == State::kMap) {
      const size_t take = std::min(bytes.size(), kTarBlock - block_.size());
      block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
      bytes = bytes.subspan(take);
      if (block_.size() < kTarBlock) return {};
      const Bytes block = std::exchange(block_, {});
      INQ_TRY_STATUS(state_ == State::kHeader ? header(block) : map_block(block));
      continue;
    }
    const size_t take = std::min<uint64_t>(bytes.size(), stored_left_);
    const ByteView part = bytes.first(take);
    bytes = bytes.subspan(take);
    stored_left_ -= take;
    if (state_ == State::kPax) {
      pax_body_.insert(pax_body_.end(), part.begin(), part.end());
      if (stored_left_ == 0) INQ_TRY_STATUS(pax(std::exchange(pax_body_, {})));
    } else if (state_ == State::kData) {
      INQ_TRY_STATUS(data(part));
      if (stored_left_ == 0) INQ_TRY_STATUS(end_file());
    } else if (stored_left_ == 0) {
      state_ = State::kHeader;
    }
  }
  return {};
}

Status TarReader::finish() {
  if (state_ == State::kDone) return {};
  return Error(ErrorCode::kTruncated, "the archive ends too early");
}

Status TarReader::header(ByteView block) {
  if (std::all_of(block.begin(), block.end(), [](uint8_t byte) { return byte == 0; })) {
    state_ = State::kDone;
    return {};
  }
  if (std::memcmp(block.data() + kMagicField, "ustar", 5) != 0 || !checksum_agrees(block)) {
    return corrupt("the archive is no tar archive, or damaged");
  }
  if (++entries_ > limits_.max_entries) {
    return Error(ErrorCode::kTooLarge, "the archive has too many entries");
  }
  const auto size = octal(block.subspan(kSizeField, 12));
  if (!size) return corrupt("the archive has an entry without a size");
  const char type = static_cast<char>(block[kTypeField]);
  if (type == 'x' || type == 'L') {  // L: GNU tar's way to write a long name
    if (*size > limits_.max_pax || *size == 0) return corrupt("the archive has an odd pax header");
    pax_ = {};
    is_long_name_ = type == 'L';
    state_ = State::kPax;
    stored_left_ = *size;
    padding_ = padding_of(*size);
    return {};
  }
  std::string name = pax_.name;
  if (name.empty()) {
    const std::string_view prefix = text_at(block, kPrefixField, 155);
    name = std::string(prefix) + (prefix.empty() ? "" : "/") + std::string(text_at(block, 0, 100));
  }
  if (type == '5') {  // a directory: comes of itself with what is in it
    pax_ = {};
    if (*size != 0) return corrupt("the archive has a directory with content");
    return {};
  }
  if (type != '0' && type != '\0') {
    return Error(ErrorCode::kUnsupported,
                 "the archive holds something else than files (a link, a device)");
  }
  return start_file(name, pax_.size.value_or(*size));
}

Status TarReader::start_file(const std::string& name, uint64_t stored) {
  const Pax pax = std::exchange(pax_, {});
  if (!is_clean(name, limits_.max_name)) {
    return Error(ErrorCode::kInvalidArgument, "the archive has a name that may lead elsewhere");
  }
  real_size_ = pax.is_sparse ? pax.real_size.value_or(0) : stored;
  if (stored > limits_.max_size || real_size_ > limits_.max_size) {
    return Error(ErrorCode::kTooLarge, "the archive holds a file that is too large");
  }
  stored_left_ = stored;
  padding_ = padding_of(stored);
  position_ = 0;
  parts_.clear();
  part_ = 0;
  INQ_TRY_STATUS(visitor_.begin(name, real_size_));
  if (!pax.is_sparse) {
    if (stored > 0) parts_.push_back({0, stored});
    return start_data();
  }
  map_count_.reset();
  map_offset_.reset();
  map_digits_.clear();
  map_wanted_ = 1;
  if (stored_left_ < kTarBlock) return corrupt("the archive has a file without its map");
  state_ = State::kMap;
  return {};
}

Status TarReader::pax(ByteView body) {
  state_ = padding_ > 0 ? State::kSkip : State::kHeader;
  stored_left_ = padding_;
  if (is_long_name_) {
    pax_.name = c_string(body);
    return {};
  }
  std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    const auto size = decimal(text.substr(0, blank));
    if (blank == std::string_view::npos || !size || *size > text.size() || *size < blank + 3 ||
        text[*size - 1] != '\n') {
      return corrupt("the archive has a pax header that cannot be read");
    }
    const std::string_view record = text.substr(blank + 1, *size - blank - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos) return corrupt("the archive has an odd pax record");
    INQ_TRY_STATUS(pax_record(record.substr(0, equals), record.substr(equals + 1)));
    text.remove_prefix(*size);
  }
  return {};
}

Status TarReader::pax_record(std::string_view key, std::string_view value) {
  const auto number = [&](std::optional<uint64_t>& into) -> Status {
    into = decimal(value);
    if (!into) return corrupt("the archive has a size that is no number");
    return {};
  };
  if (key == "path" && !pax_.is_sparse) pax_.name = value;
  if (key == "GNU.sparse.name") pax_.name = value;
  if (key == "size") return number(pax_.size);
  if (key == "GNU.sparse.realsize") return number(pax_.real_size);
  if (key == "GNU.sparse.major") {
    if (value != "1") return Error(ErrorCode::kUnsupported, "an old kind of file with holes");
    pax_.is_sparse = true;
  }
  return {};
}

Status TarReader::map_block(ByteView block) {
  stored_left_ -= kTarBlock;
  for (const uint8_t byte : block) {
    if (map_wanted_ == 0) break;  // the rest of the block is filling
    if (byte == '\n') {
      const auto number = decimal(map_digits_);
      if (!number) return corrupt("the map of a file with holes cannot be read");
      map_digits_.clear();
      INQ_TRY_STATUS(map_number(*number));
    } else if (map_digits_.size() < 20) {
      map_digits_.push_back(static_cast<char>(byte));
    } else {
      return corrupt("the map of a file with holes cannot be read");
    }
  }
  if (map_wanted_ == 0) {
    const uint64_t data =
        std::accumulate(parts_.begin(), parts_.end(), uint64_t{0},
                        [](uint64_t sum, const os::Extent& part) { return sum + part.size; });
    if (data != stored_left_)
      return corrupt("a file with holes has more or less than its map says");
    return start_data();
  }
  if (stored_left_ < kTarBlock) return corrupt("the map of a file with holes is cut short");
  return {};
}

Status TarReader::map_number(uint64_t number) {
  --map_wanted_;
  if (!map_count_) {
    if (number > limits_.max_parts) return Error(ErrorCode::kTooLarge, "a file of too many parts");
    map_count_ = number;
    map_wanted_ = 2 * number;
    return {};
  }
  if (!map_offset_) {
    map_offset_ = number;
    return {};
  }
  const uint64_t end = parts_.empty() ? 0 : parts_.back().offset + parts_.back().size;
  const uint64_t offset = *map_offset_;
  map_offset_.reset();
  if (offset < end || offset > real_size_ || real_size_ - offset < number) {
    return corrupt("the parts of a file with holes overlap, or lie outside it");
  }
  if (number > 0) parts_.push_back({offset, number});
  return {};
}

Status TarReader::start_data() {
  state_ = State::kData;
  return stored_left_ == 0 ? end_file() : Status();
}

// Brings position_ to where the next byte belongs.
Status TarReader::pass_holes() {
  while (part_ < parts_.size()) {
    const os::Extent& part = parts_[part_];
    if (position_ < part.offset) {
      const uint64_t hole = part.offset - position_;
      position_ = part.offset;
      return visitor_.hole(hole);
    }
    if (position_ < part.offset + part.size) return {};
    ++part_;
  }
  return {};
}

Status TarReader::data(ByteView bytes) {
  while (!bytes.empty()) {
    INQ_TRY_STATUS(pass_holes());
    if (part_ == parts_.size()) return corrupt("a file has more than it should");
    const os::Extent& part = parts_[part_];
    const size_t take = std::min<uint64_t>(bytes.size(), part.offset + part.size - position_);
    INQ_TRY_STATUS(visitor_.data(bytes.first(take)));
    position_ += take;
    bytes = bytes.subspan(take);
  }
  return {};
}

Status TarReader::end_file() {
  if (position_ < real_size_) INQ_TRY_STATUS(visitor_.hole(real_size_ - position_));
  INQ_TRY_STATUS(visitor_.end());
  state_ = padding_ > 0 ? State::kSkip : State::kHeader;
  stored_left_ = padding_;
  return {};
}

}  // namespace inquest::vault
