// Words: 64-bit words of the dead process, read one after the other at the speed of memory.
//
// A view of the current stretch is kept, so that a load costs a comparison; with `streaming` what
// lies behind is given back to the kernel and what comes is asked for ahead.
#pragma once

#include <cstdint>
#include <optional>

#include "base/address.h"
#include "process/image/memory.h"

namespace inquest::process {

class Words {
 public:
  explicit Words(const MemoryReader& memory, bool streaming = false)
      : memory_(memory), streaming_(streaming) {}
  ~Words() {
    if (streaming_) memory_.done_with(view_);
  }
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  // The word at `address`, or nullopt when not all of it is there.
  std::optional<uint64_t> at(Address address) {
    const uint64_t offset = address - start_;
    if (offset < view_.size() && view_.size() - offset >= sizeof(uint64_t)) {
      uint64_t value;
      __builtin_memcpy(&value, view_.data() + offset, sizeof(value));
      return value;
    }
    return reload(address);
  }

 private:
  static constexpr uint64_t kStretch = uint64_t{8} << 20;

  std::optional<uint64_t> reload(Address address);

  const MemoryReader& memory_;
  bool streaming_;
  Address start_;
  ByteView view_;
};

}  // namespace inquest::process
