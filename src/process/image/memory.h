// Memory of the crashed process: the bytes that are there, and a reason for those that are not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"

namespace inquest::process {

// Why bytes are absent.
enum class Missing : uint8_t {
  kNone,            // they are there
  kUnmapped,        // no mapping held this address
  kNotDumped,       // mapped, but the producer left it out (coredump_filter, MADV_DONTDUMP)
  kNotKept,         // mapped, and not among what a slim record keeps
  kNotTold,         // not in the dump, which does not tell whether it was mapped
  kTruncated,       // the dump was cut before it
  kFileMissing,     // backed by a file that was not found
  kFileMismatch,    // backed by a file whose build-id is not the one that crashed
  kFileUnverified,  // backed by a file without an identity to hold it against (data, or no
                    // build-id)
};

std::string_view to_string(Missing missing);  // "not mapped", "not dumped", …: for people

struct MemoryRead {
  uint64_t size = 0;                 // bytes filled in, from the start of the request
  Missing missing = Missing::kNone;  // why the byte after them is absent
};

class MemoryReader {
 public:
  virtual ~MemoryReader() = default;

  // A view of the bytes at `address` that lie together: at least one byte, at most `max`; empty
  // when the first is absent. Valid as long as the reader. No bytes are copied and no page is
  // touched.
  virtual ByteView view(Address address, uint64_t max) const = 0;
  // Why `address` cannot be viewed; kNone when it can.
  virtual Missing why_missing(Address address) const = 0;

  // Hints for long scans, on bytes that view() answered: they are about to be read from front to
  // back; they will not be read again soon, so that a scan of gigabytes keeps none of them.
  virtual void will_scan(ByteView /*bytes*/) const {}
  virtual void done_with(ByteView /*bytes*/) const {}

  // Copies as many bytes as there are from `address` on.
  MemoryRead read(Address address, std::span<uint8_t> into) const;

  // One value, or nullopt when not all of its bytes are there.
  template <typename T>
  std::optional<T> load(Address address) const {
    const ByteView bytes = view(address, sizeof(T));
    if (bytes.size() >= sizeof(T)) return inquest::load<T>(bytes);
    T value;
    const auto got = read(address, {reinterpret_cast<uint8_t*>(&value), sizeof(T)});
    return got.size == sizeof(T) ? std::optional<T>(value) : std::nullopt;
  }
  std::optional<Address> load_pointer(Address address) const {
    const auto value = load<uint64_t>(address);
    return value ? std::optional(Address(*value)) : std::nullopt;
  }
  // Text up to a NUL or `max` bytes; nullopt when its first byte is absent. `*complete` says
  // whether a NUL was met.
  std::optional<std::string> load_c_string(Address address, uint64_t max,
                                           bool* complete = nullptr) const;
};

}  // namespace inquest::process
