// StackWords: the words of a stack, read one after the other. Keeps the part of the dump that it
// read from last.
#pragma once

#include <cstdint>
#include <optional>

#include "process/image/memory.h"

namespace inquest::process {

class StackWords {
 public:
  // `memory` must outlive this.
  explicit StackWords(const MemoryReader& memory) : memory_(memory) {}

  // The 8 bytes at `address`, aligned or not.
  std::optional<uint64_t> load(Address address) {
    const uint64_t offset = address - start_;
    if (view_.size() >= 8 && offset <= view_.size() - 8)
      return inquest::load<uint64_t>(view_, offset);
    return load_elsewhere(address);
  }
  const MemoryReader& memory() const { return memory_; }

 private:
  std::optional<uint64_t> load_elsewhere(Address address);

  const MemoryReader& memory_;
  Address start_;
  ByteView view_;
};

}  // namespace inquest::process
