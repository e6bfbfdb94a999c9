#include "capture/record/page_store.h"

#include <algorithm>

namespace inquest::capture {

std::span<uint8_t> PageStore::add(Address page) {
  if (used_ % kPagesInChunk == 0) chunks_.emplace_back(kPagesInChunk * kPage);
  const size_t number = used_++;
  index_.emplace(page.value, number);
  return std::span<uint8_t>(chunks_.back()).subspan(number % kPagesInChunk * kPage, kPage);
}

void PageStore::add(Address page, ByteView bytes) {
  if (has(page) || bytes.size() != kPage) return;
  std::copy(bytes.begin(), bytes.end(), add(page).begin());
}

ByteView PageStore::page(Address page) const {
  const auto found = index_.find(page.value);
  if (found == index_.end()) return {};
  const auto& chunk = chunks_[found->second / kPagesInChunk];
  return ByteView(chunk).subspan(found->second % kPagesInChunk * kPage, kPage);
}

void PageStore::overwrite(Address address, uint8_t byte) {
  const auto found = index_.find(address.page().value);
  if (found == index_.end()) return;
  auto& chunk = chunks_[found->second / kPagesInChunk];
  chunk[found->second % kPagesInChunk * kPage + (address - address.page())] = byte;
}

ByteView PageStore::at(Address address) const {
  const ByteView bytes = page(address.page());
  return bytes.empty() ? bytes : bytes.subspan(address - address.page());
}

std::vector<Address> PageStore::addresses() const {
  std::vector<Address> result;
  result.reserve(index_.size());
  for (const auto& [page, number] : index_) result.emplace_back(page);
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace inquest::capture
