#include "process/runtime/v8/builtins.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

namespace inquest::process::v8 {
namespace {

constexpr size_t kFewest = 500, kMost = 10'000;  // builtins
constexpr uint32_t kMaxFirst = 1 << 16;          // bytes of the first
constexpr uint32_t kMaxGap = 256, kCodeAlignment = 32;
constexpr uint8_t kFill = 0xcc;
// Bytes of an entry in the table: its offset, its size, and more since V8 9.
constexpr std::array<size_t, 5> kEntrySizes = {12, 32, 28, 16, 8};
constexpr size_t kMostBehindTable = 1;  // what follows may look like one more entry
constexpr uint64_t kNameEntry = 24;     // bytes: the name, its kind, and what belongs to the kind
constexpr uint64_t kMaxName = 128;
// One that each version has.
constexpr std::string_view kKnownName{"InterpreterEntryTrampoline\0", 27};

bool follows(const Extent& next, const Extent& previous) {
  const uint64_t end = uint64_t{previous.offset} + previous.size;
  return next.offset % kCodeAlignment == 0 && next.offset >= end && next.offset - end <= kMaxGap &&
         next.size != 0;
}

std::vector<Extent> extents_from(ByteView bytes, uint64_t start, size_t entry_size) {
  std::vector<Extent> extents;
  for (uint64_t at = start; extents.size() <= kMost; at += entry_size) {
    const auto offset = load<uint32_t>(bytes, at), size = load<uint32_t>(bytes, at + 4);
    if (!offset || !size) break;
    const Extent next{*offset, *size};
    if (extents.empty() ? next.offset != 0 : !follows(next, extents.back())) break;
    extents.push_back(next);
  }
  return extents;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() < kMaxName &&
         std::all_of(
             text.begin(), text.end(),
             [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '.';
             });
}

struct Part {
  ByteView bytes;
  uint64_t address = 0;
};

Part part(const elf::File& binary, std::string_view name) {
  const auto* section = binary.find_section(name);
  if (section == nullptr) return {};
  return {slice(binary.bytes(), section->offset, section->size).value_or(ByteView()),
          section->address};
}

// The words of a binary that are addresses: as they are in the file or, where the loader puts them,
// as its relocations have them.
class Addresses {
 public:
  explicit Addresses(const elf::File& binary) : binary_(binary) {
    const Part rela = part(binary, ".rela.dyn");  // Elf64_Rela: place, kind, addend
    for (uint64_t at = 0; at + 24 <= rela.bytes.size(); at += 24) {
      if (const uint64_t value = *load<uint64_t>(rela.bytes, at + 16); value != 0)
        relocated_[*load<uint64_t>(rela.bytes, at)] = value;
    }
  }

  uint64_t at(uint64_t place) const {
    const auto found = relocated_.find(place);
    if (found != relocated_.end()) return found->second;
    const auto bytes = binary_.bytes_at_vaddr(place, 8);
    return bytes ? *load<uint64_t>(*bytes) : 0;
  }

  // Places that hold `value`.
  std::vector<uint64_t> places_of(uint64_t value) const {
    std::vector<uint64_t> places;
    for (const auto& [place, address] : relocated_) {
      if (address == value) places.push_back(place);
    }
    for (const std::string_view name : {".rodata", ".data.rel.ro"}) {
      const Part words = part(binary_, name);
      for (uint64_t at = (8 - words.address % 8) % 8; at + 8 <= words.bytes.size(); at += 8) {
        if (*load<uint64_t>(words.bytes, at) == value) places.push_back(words.address + at);
      }
    }
    return places;
  }

  std::string_view name_at(uint64_t place) const {
    const auto bytes = binary_.bytes_at_vaddr(at(place), 1);
    if (!bytes) return {};
    const auto offset = static_cast<uint64_t>(bytes->data() - binary_.bytes().data());
    const std::string_view text = c_string(
        binary_.bytes().subspan(offset, std::min(kMaxName, binary_.bytes().size() - offset)));
    return is_name(text) ? text : std::string_view();
  }

 private:
  const elf::File& binary_;
  std::map<uint64_t, uint64_t> relocated_;
};

// The array of names around the one that is known.
std::vector<std::string_view> names_around(const Addresses& addresses, uint64_t place) {
  while (!addresses.name_at(place - kNameEntry).empty()) place -= kNameEntry;
  std::vector<std::string_view> names;
  for (; names.size() <= kMost; place += kNameEntry) {
    const std::string_view name = addresses.name_at(place);
    if (name.empty()) break;
    names.push_back(name);
  }
  return names;
}

std::vector<std::string_view> find_names(const elf::File& binary, size_t count) {
  const Addresses addresses(binary);
  const Part texts = part(binary, ".rodata");
  const std::string_view all(reinterpret_cast<const char*>(texts.bytes.data()), texts.bytes.size());
  for (size_t at = all.find(kKnownName); at != std::string_view::npos;
       at = all.find(kKnownName, at + 1)) {
    for (const uint64_t place : addresses.places_of(texts.address + at)) {
      std::vector<std::string_view> names = names_around(addresses, place);
      if (names.size() <= count && names.size() + kMostBehindTable >= count) return names;
    }
  }
  return {};
}

}  // namespace

std::vector<Extent> find_extents(ByteView bytes) {
  for (uint64_t at = 0; at + 8 <= bytes.size(); at += 4) {
    if (*load<uint32_t>(bytes, at) != 0) continue;
    const uint32_t size = *load<uint32_t>(bytes, at + 4);
    if (size == 0 || size > kMaxFirst) continue;
    for (const size_t entry_size : kEntrySizes) {
      const auto second = load<uint32_t>(bytes, at + entry_size);
      if (!second || *second < size || *second - size > kMaxGap) continue;
      std::vector<Extent> extents = extents_from(bytes, at, entry_size);
      if (extents.size() >= kFewest && extents.size() <= kMost) return extents;
    }
  }
  return {};
}

std::vector<uint64_t> find_code(ByteView text, const std::vector<Extent>& extents) {
  std::vector<uint64_t> gaps;  // offsets of bytes between builtins
  for (size_t i = 0; i + 1 < extents.size(); ++i) {
    for (uint64_t at = extents[i].offset + extents[i].size; at < extents[i + 1].offset; ++at)
      gaps.push_back(at);
  }
  std::vector<uint64_t> found;
  if (extents.empty() || gaps.size() < extents.size()) return found;
  const uint64_t size = uint64_t{extents.back().offset} + extents.back().size;
  for (uint64_t start = 0; start + size <= text.size(); start += kCodeAlignment) {
    if (std::all_of(gaps.begin(), gaps.end(),
                    [&](uint64_t gap) { return text[start + gap] == kFill; }))
      found.push_back(start);
  }
  return found;
}

Result<Builtins> Builtins::find(const elf::File& binary) {
  const Part text = part(binary, ".text");
  Builtins builtins;
  for (const ByteView bytes : {part(binary, ".rodata").bytes, text.bytes}) {
    if (builtins.extents_.empty()) builtins.extents_ = find_extents(bytes);
  }
  if (builtins.extents_.empty())
    return Error(ErrorCode::kNotFound, "V8's table of builtins was not found");
  const std::vector<uint64_t> starts = find_code(text.bytes, builtins.extents_);
  if (starts.size() != 1) return Error(ErrorCode::kNotFound, "V8's builtins were not found");
  builtins.code_ = text.address + starts[0];
  builtins.names_ = find_names(binary, builtins.extents_.size());
  if (builtins.names_.empty())
    return Error(ErrorCode::kNotFound, "the names of V8's builtins were not found");
  builtins.extents_.resize(builtins.names_.size());
  return builtins;
}

std::string_view Builtins::name_at(uint64_t address) const {
  if (address < code_) return {};
  const uint64_t offset = address - code_;
  const auto next = std::upper_bound(extents_.begin(), extents_.end(), offset,
                                     [](uint64_t at, const Extent& e) { return at < e.offset; });
  if (next == extents_.begin()) return {};
  const Extent& extent = *std::prev(next);
  if (offset - extent.offset >= extent.size) return {};
  return names_[static_cast<size_t>(std::prev(next) - extents_.begin())];
}

}  // namespace inquest::process::v8
