#include "binary/dwarf/lazy_section.h"

#include <sys/mman.h>

#include <algorithm>
#include <string>

#include "binary/elf/layout.h"
#include "platform/codec/decoder.h"

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

}  // namespace

class LazySection::Inflater {
 public:
  static std::unique_ptr<Inflater> create(const Packed& packed) {
    if (packed.size == 0 || packed.size > elf::kMaxSectionSize ||
        packed.size > codec::largest_output(packed.codec, packed.data.size()))
      return nullptr;
    auto decoder = Decoder::create(packed.codec);
    if (!decoder.ok()) return nullptr;
    void* memory = mmap(nullptr, packed.size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    return std::unique_ptr<Inflater>(
        new Inflater(static_cast<uint8_t*>(memory), packed, std::move(*decoder)));
  }
  ~Inflater() { munmap(output_, size_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  ByteView prefix(uint64_t end) {
    if (end > produced_ && !ended_) inflate_to(end);
    return {output_, static_cast<size_t>(std::min(end, produced_))};
  }

 private:
  Inflater(uint8_t* output, const Packed& packed, std::unique_ptr<Decoder> decoder)
      : output_(output), size_(packed.size), input_(packed.data), decoder_(std::move(decoder)) {}

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

LazySection LazySection::of(const elf::File& file, std::string_view name) {
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
  result.inflater_ = Inflater::create(*contents);
  if (result.inflater_ != nullptr) result.size_ = contents->size;
  return result;
}

ByteView LazySection::prefix(uint64_t end) {
  end = std::min(end, size_);
  return inflater_ != nullptr ? inflater_->prefix(end) : plain_.first(end);
}

ByteView LazySection::from(uint64_t offset) {
  const ByteView all = whole();
  return offset < all.size() ? all.subspan(offset) : ByteView();
}

std::optional<ByteView> LazySection::part(uint64_t offset, uint64_t size) {
  const auto end = checked_add(offset, size);
  if (!end || *end > size_) return std::nullopt;
  return slice(prefix(*end), offset, size);
}

std::optional<std::string_view> LazySection::c_string(uint64_t offset) {
  constexpr uint64_t kUsualLength = 256;
  if (offset >= size_) return std::nullopt;
  for (uint64_t length = kUsualLength;; length *= 4) {
    const ByteView front = prefix(offset + length);
    if (offset >= front.size()) return std::nullopt;
    const ByteView rest = front.subspan(offset);
    const std::string_view text = inquest::c_string(rest);
    if (text.size() < rest.size()) return text;
    if (front.size() >= size_ || rest.size() < length)
      return std::nullopt;  // no NUL before the end
  }
}

}  // namespace inquest::dwarf
