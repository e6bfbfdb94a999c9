#include "binary/dwarf/lazy_section.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <string>

#include "binary/elf/layout.h"
#include "platform/codec/decoder.h"
#include "platform/codec/digest.h"

namespace inquest::dwarf {
namespace {

using codec::Codec;
using codec::Decoder;

// zlib copies its 32 KiB window at the end of each call: small steps would spend their time there.
constexpr uint64_t kMinStep = 256 * 1024;

struct Packed {
  Codec codec;
  ByteView data;
  uint64_t size;
};

// SHF_COMPRESSED (gABI), or "ZLIB" and a big-endian size (the older GNU form).
std::optional<Packed> packed_contents(const elf::Section& section, ByteView raw) {
  if ((section.flags & elf::kShfCompressed) != 0) {
    const auto header = load<elf::RawCompression>(raw);
    if (!header) return std::nullopt;
    const ByteView data = raw.subspan(sizeof(elf::RawCompression));
    if (header->type == elf::kCompressedZlib) return Packed{Codec::kZlib, data, header->size};
    if (header->type == elf::kCompressedZstd) return Packed{Codec::kZstd, data, header->size};
    return std::nullopt;
  }
  const auto size = load<uint64_t>(raw, 4);
  if (!size || std::string_view(reinterpret_cast<const char*>(raw.data()), 4) != "ZLIB")
    return std::nullopt;
  return Packed{Codec::kZlib, raw.subspan(12), __builtin_bswap64(*size)};
}

// Names the contents without reading them: zlib ends with a checksum of all that was packed, zstd
// has other bytes at its ends when the contents differ.
std::string memory_key(const Packed& packed, std::string_view name) {
  constexpr size_t kEnd = 64;
  const size_t end = std::min(kEnd, packed.data.size());
  Bytes ends(packed.data.begin(), packed.data.begin() + static_cast<ptrdiff_t>(end));
  ends.insert(ends.end(), packed.data.end() - static_cast<ptrdiff_t>(end), packed.data.end());
  return fmt::format("section/1/{}/{:x}/{:x}/{:016x}", name, packed.size, packed.data.size(),
                     codec::xxhash64(ends));
}

}  // namespace

class LazySection::Inflater {
 public:
  static std::unique_ptr<Inflater> create(const Packed& packed, std::string_view name,
                                          SectionMemory* memory) {
    if (packed.size == 0 || packed.size > elf::kMaxSectionSize ||
        packed.size > codec::largest_output(packed.codec, packed.data.size()))
      return nullptr;
    auto decoder = Decoder::create(packed.codec);
    if (!decoder.ok()) return nullptr;
    void* room = mmap(nullptr, packed.size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) return nullptr;
    auto inflater = std::unique_ptr<Inflater>(
        new Inflater(static_cast<uint8_t*>(room), packed, std::move(*decoder)));
    if (memory != nullptr) {
      inflater->memory_ = memory;
      inflater->key_ = memory_key(packed, name);
    }
    return inflater;
  }
  ~Inflater() { munmap(output_, size_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // [offset, end) lies in the section.
  ByteView window(uint64_t offset, uint64_t end) {
    if (memory_ != nullptr) {
      if (!recalled_) recall();
      if (known_.has(offset, end)) return {output_ + offset, output_ + end};
    }
    if (end > produced_ && !ended_) inflate_to(end);
    end = std::min(end, produced_);
    if (offset >= end) return {};
    if (memory_ != nullptr) read_.add(offset, end);
    return {output_ + offset, output_ + end};
  }

  void keep() {
    if (memory_ == nullptr || known_.includes(read_)) return;
    known_.add(read_);
    if (Bytes parts = encode_parts(known_, {output_, size_}); !parts.empty())
      memory_->keep(key_, std::move(parts));
  }

 private:
  Inflater(uint8_t* output, const Packed& packed, std::unique_ptr<Decoder> decoder)
      : output_(output), size_(packed.size), input_(packed.data), decoder_(std::move(decoder)) {}

  void recall() {
    recalled_ = true;
    read_ = PartSet(size_);
    const auto kept = memory_->recall(key_);
    auto parts = kept ? decode_parts(*kept, {output_, size_}) : std::nullopt;
    known_ = parts ? std::move(*parts) : PartSet(size_);
  }

  void inflate_to(uint64_t end) {
    const uint64_t stop = std::min(size_, std::max(end, produced_ + kMinStep));
    while (produced_ < stop) {
      const auto step =
          decoder_->step(input_, {output_ + produced_, static_cast<size_t>(stop - produced_)});
      produced_ += step.produced;
      input_ = input_.subspan(step.consumed);
      const bool stuck = step.produced == 0 && step.consumed == 0;
      if (step.state != Decoder::State::kMore || stuck) {
        ended_ = true;
        break;
      }
    }
    if (produced_ == size_) ended_ = true;
    if (ended_) decoder_.reset();
  }

  uint8_t* output_;
  uint64_t size_;
  uint64_t produced_ = 0;
  ByteView input_;
  std::unique_ptr<Decoder> decoder_;
  bool ended_ = false;

  SectionMemory* memory_ = nullptr;
  std::string key_;
  bool recalled_ = false;
  PartSet known_;  // recalled from earlier runs
  PartSet read_;   // by this one, and not known before
};

LazySection::LazySection() = default;
LazySection::LazySection(LazySection&&) noexcept = default;
LazySection& LazySection::operator=(LazySection&&) noexcept = default;
LazySection::~LazySection() = default;

LazySection LazySection::over(ByteView bytes) {
  LazySection section;
  section.plain_ = bytes;
  section.size_ = bytes.size();
  return section;
}

LazySection LazySection::of(const elf::File& file, std::string_view name, SectionMemory* memory) {
  const elf::Section* section = file.find_section(name);
  bool packed = section != nullptr && (section->flags & elf::kShfCompressed) != 0;
  if (section == nullptr && name.starts_with('.')) {
    section = file.find_section(".z" + std::string(name.substr(1)));
    packed = true;
  }
  if (section == nullptr || section->type == elf::kShtNobits) return {};
  const ByteView bytes = file.bytes();
  if (section->offset > bytes.size()) return {};
  // A file cut short still has the front of its sections.
  const uint64_t size = std::min<uint64_t>(section->size, bytes.size() - section->offset);
  const ByteView raw = bytes.subspan(section->offset, size);
  if (!packed) return over(raw);
  const auto contents = packed_contents(*section, raw);
  LazySection result;
  if (!contents) return result;
  result.inflater_ = Inflater::create(*contents, name, memory);
  if (result.inflater_ != nullptr) result.size_ = contents->size;
  return result;
}

ByteView LazySection::window(uint64_t offset, uint64_t size) {
  if (offset >= size_) return {};
  if (inflater_ == nullptr) return plain_.subspan(offset);
  return inflater_->window(offset, offset + std::min(size, size_ - offset));
}

std::optional<ByteView> LazySection::part(uint64_t offset, uint64_t size) {
  if (offset > size_ || size_ - offset < size) return std::nullopt;
  return slice(window(offset, size), 0, size);
}

std::optional<std::string_view> LazySection::c_string(uint64_t offset) {
  if (offset >= size_) return std::nullopt;
  // Only as far as the text goes: what is not asked for need not be there.
  const char* start = nullptr;
  for (uint64_t at = offset; at < size_;) {
    const ByteView step = window(at, PartSet::kGranule - at % PartSet::kGranule);
    if (step.empty()) return std::nullopt;
    if (start == nullptr) start = reinterpret_cast<const char*>(step.data());
    const std::string_view text = inquest::c_string(step);
    at += text.size();
    if (text.size() < step.size()) return std::string_view(start, at - offset);
  }
  return std::nullopt;  // no NUL before the end
}

void LazySection::keep() {
  if (inflater_ != nullptr) inflater_->keep();
}

}  // namespace inquest::dwarf
