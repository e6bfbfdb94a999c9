// PageStore: pages of the process that were kept, by address. In RAM only: nothing is written to
// disk while the process is held.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"

namespace inquest::capture {

inline constexpr uint64_t kPage = 4096;

class PageStore {
 public:
  bool has(Address page) const { return index_.contains(page.value); }
  size_t size() const { return index_.size(); }
  uint64_t bytes() const { return index_.size() * kPage; }

  // Room for a page that is about to be filled in; valid until the next call. `page` is aligned and
  // not there yet.
  std::span<uint8_t> add(Address page);
  void add(Address page, ByteView bytes);
  // Puts `byte` in the place of one that was kept; nothing when it was not.
  void overwrite(Address address, uint8_t byte);
  void drop(Address page) { index_.erase(page.value); }

  // The page's bytes; empty when it was not kept.
  ByteView page(Address page) const;
  // Bytes from `address` to the end of its page; empty when not kept.
  ByteView at(Address address) const;
  template <typename T>
  std::optional<T> load(Address address) const {
    return inquest::load<T>(at(address));
  }

  std::vector<Address> addresses() const;  // sorted

 private:
  static constexpr size_t kPagesInChunk = 64;
  std::vector<std::vector<uint8_t>> chunks_;
  size_t used_ = 0;                             // pages of all chunks
  std::unordered_map<uint64_t, size_t> index_;  // page address → its number in the chunks
};

}  // namespace inquest::capture
