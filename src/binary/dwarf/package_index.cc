#include "binary/dwarf/package_index.h"

namespace inquest::dwarf {
namespace {

constexpr uint64_t kHeader = 16;
constexpr uint32_t kMaxColumns = 16;

}  // namespace

PackageIndex::PackageIndex(ByteView bytes) {
  const auto word = load<uint32_t>(bytes);
  const auto columns = load<uint32_t>(bytes, 4);
  const auto rows = load<uint32_t>(bytes, 8);
  const auto slots = load<uint32_t>(bytes, 12);
  if (!slots || *columns > kMaxColumns) return;
  // Version 5 is a 16-bit number and padding; version 2 has 32 bits.
  const uint32_t version = *word == 2 ? 2 : *word & 0xffff;
  const bool power_of_two = *slots != 0 && (*slots & (*slots - 1)) == 0;
  const uint64_t cells = uint64_t{*columns} * *rows;
  const auto size = kHeader + uint64_t{*slots} * 12 + uint64_t{*columns} * 4 + cells * 8;
  if ((version != 2 && version != 5) || !power_of_two || size > bytes.size()) return;
  bytes_ = bytes;
  version_ = version;
  columns_ = *columns;
  rows_ = *rows;
  slots_ = *slots;
}

std::vector<PackageIndex::Contribution> PackageIndex::find(uint64_t signature) const {
  if (slots_ == 0) return {};
  const uint64_t mask = slots_ - 1;
  uint64_t slot = signature & mask;
  const uint64_t stride = ((signature >> 32) & mask) | 1;
  const uint64_t rows_at = kHeader + uint64_t{slots_} * 8;
  uint32_t row = 0;
  for (uint32_t tries = 0; tries < slots_; ++tries, slot = (slot + stride) & mask) {
    const uint32_t index = *load<uint32_t>(bytes_, rows_at + slot * 4);
    if (index == 0) return {};
    if (*load<uint64_t>(bytes_, kHeader + slot * 8) == signature) {
      row = index;
      break;
    }
  }
  if (row == 0 || row > rows_) return {};
  const uint64_t names_at = rows_at + uint64_t{slots_} * 4;
  const uint64_t offsets_at = names_at + uint64_t{columns_} * 4;
  const uint64_t sizes_at = offsets_at + uint64_t{columns_} * rows_ * 4;
  const uint64_t cell = uint64_t{row - 1} * columns_ * 4;
  std::vector<Contribution> found;
  for (uint64_t column = 0; column < columns_; ++column) {
    found.push_back({.section = *load<uint32_t>(bytes_, names_at + column * 4),
                     .offset = *load<uint32_t>(bytes_, offsets_at + cell + column * 4),
                     .size = *load<uint32_t>(bytes_, sizes_at + cell + column * 4)});
  }
  return found;
}

}  // namespace inquest::dwarf
