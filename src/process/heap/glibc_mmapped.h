// Chunks that glibc mapped one by one because they are large (128 KiB by default). No list knows
// them: a page-aligned header whose size is a multiple of pages and fits the mapping is all there
// is.
#pragma once

#include <functional>
#include <optional>

#include "process/heap/glibc_chunks.h"

namespace inquest::process::glibc {

class MmappedChunks {
 public:
  MmappedChunks(const HeapInput& input, const Arenas& arenas) : input_(input), arenas_(arenas) {}

  // The mmapped chunk that holds `address`.
  std::optional<Chunk> find(Words& words, Address address) const;
  // All of them, by address, until `visit` answers false. Reads a word of every page of anonymous
  // writable memory.
  void each(Words& words, const std::function<bool(const Chunk&)>& visit) const;

 private:
  bool may_hold(const Mapping& mapping) const;
  std::optional<Chunk> at_page(Words& words, Address page, const AddressRange& around) const;
  Chunk aligned_within(Words& words, const Chunk& whole) const;

  const HeapInput& input_;
  const Arenas& arenas_;
};

}  // namespace inquest::process::glibc
