// LazySection: one debug section, inflated only as far as somebody reads.
//
// Debian's separate debug files are compressed, and most of the time of a trace with a general
// DWARF library goes into inflating sections to their ends. A reader that goes front to back stops
// at the unit it needs.
//
// Given a SectionMemory it recalls what earlier runs read, and inflates only when something else is
// asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "binary/dwarf/section_memory.h"
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
  // `memory` may be nullptr, and must outlive the section.
  static LazySection of(const elf::File& file, std::string_view name,
                        SectionMemory* memory = nullptr);

  uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Views stay valid for the section's life, and all lie in one piece of memory: what follows the
  // end of one is there once it was asked for.
  //
  // [offset, offset + size) as far as the section goes; less when the compressed data ends early,
  // more where that costs nothing.
  ByteView window(uint64_t offset, uint64_t size);
  std::optional<ByteView> part(uint64_t offset, uint64_t size);
  std::optional<std::string_view> c_string(uint64_t offset);
  ByteView whole() { return window(0, size_); }

  // Hands what was read to the memory, if there is something new.
  void keep();

 private:
  class Inflater;
  ByteView plain_;
  uint64_t size_ = 0;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace inquest::dwarf
