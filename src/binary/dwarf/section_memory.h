// SectionMemory: what earlier runs read of inflated sections, so that nobody inflates it again.
//
// A compressed section can only be inflated from its start, and what a crash needs of it is a few
// units here and a few strings there. What was read is kept in pieces, under a key that names the
// contents of the section.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace inquest::dwarf {

class SectionMemory {
 public:
  SectionMemory() = default;
  SectionMemory(const SectionMemory&) = delete;
  SectionMemory& operator=(const SectionMemory&) = delete;
  virtual ~SectionMemory() = default;

  // What was kept under `key` by this or another process, whole and undamaged; nullopt when there
  // is nothing. The view lives as long as this object.
  virtual std::optional<ByteView> recall(const std::string& key) = 0;
  virtual void keep(const std::string& key, Bytes contents) = 0;
};

// Which pieces of a section of `size` bytes: a bit for each 64 bytes.
class PartSet {
 public:
  static constexpr uint64_t kGranule = 64;

  PartSet() = default;
  explicit PartSet(uint64_t size);

  // [begin, end) must lie in the section.
  bool has(uint64_t begin, uint64_t end) const;
  void add(uint64_t begin, uint64_t end);
  void add(const PartSet& other);  // of the same section
  bool includes(const PartSet& other) const;
  uint64_t granules() const;

  struct Run {
    uint32_t first = 0, count = 0;  // granules
  };
  std::vector<Run> runs() const;

 private:
  uint64_t size_ = 0;
  std::vector<uint64_t> bits_;
};

// A section of which more was read than this is inflated again by the next reader.
inline constexpr uint64_t kMaxKeptOfSection = 12ull << 20;

// The form in which parts are kept (docs/formats/symbol-index.md). Empty when it would be over
// kMaxKeptOfSection.
Bytes encode_parts(const PartSet& parts, ByteView section);
// Puts kept parts in their places of `section` and says which they were. nullopt for anything that
// does not fit a section of this size; then `section` may have been written to.
std::optional<PartSet> decode_parts(ByteView kept, std::span<uint8_t> section);

}  // namespace inquest::dwarf
