// LazySection: one debug section, inflated only as far as somebody reads.
//
// Debian's separate debug files are compressed, and most of the time of a trace with a general
// DWARF library goes into inflating sections to their ends. A reader that goes front to back stops
// at the unit it needs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "binary/elf/file.h"

namespace inquest::dwarf {

class LazySection {
 public:
  LazySection();  // absent: size 0
  LazySection(LazySection&&) noexcept;
  LazySection& operator=(LazySection&&) noexcept;
  ~LazySection();

  static LazySection over(ByteView bytes);
  // The section `name`, or its old compressed form (".zdebug_info" for ".debug_info"). Absent when
  // there is none, when it is damaged, or when it claims more than the encoder could have made.
  static LazySection of(const elf::File& file, std::string_view name);

  uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // The first min(end, size()) bytes, fewer when the compressed data ends early. Views stay valid
  // for the section's life.
  ByteView prefix(uint64_t end);
  ByteView whole() { return prefix(size_); }
  // From `offset` to the end of the section; empty when it lies outside.
  ByteView from(uint64_t offset);
  std::optional<ByteView> part(uint64_t offset, uint64_t size);
  std::optional<std::string_view> c_string(uint64_t offset);

 private:
  class Inflater;
  ByteView plain_;
  uint64_t size_ = 0;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace inquest::dwarf
