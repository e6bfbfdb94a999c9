#include "vault/frames.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "platform/codec/digest.h"

namespace inquest::vault {
namespace {

constexpr std::string_view kIndexMagic = "INQVAULT";
constexpr uint32_t kIndexVersion = 1;
constexpr uint32_t kFrameMagic = 0x31525149;  // "IQR1"

template <typename T>
void put(Bytes& to, T value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  to.insert(to.end(), bytes, bytes + sizeof(T));
}

uint64_t checksum(ByteView payload, uint64_t offset) {
  // The length takes part by way of the hash itself; the place keeps a frame that was copied
  // elsewhere from being taken for one.
  return codec::xxhash64(payload, offset ^ 0x696e7175657374);
}

uint64_t aligned(uint64_t size) { return (size + kFrameAlignment - 1) & ~(kFrameAlignment - 1); }

// The payload of a good frame at `at`.
std::optional<ByteView> frame_at(ByteView bytes, uint64_t at, uint64_t offset) {
  const auto magic = load<uint32_t>(bytes, at);
  const auto size = load<uint32_t>(bytes, at + 4);
  const auto sum = load<uint64_t>(bytes, at + 8);
  if (!magic || !size || !sum || *magic != kFrameMagic || *size > kMaxFrameBytes) {
    return std::nullopt;
  }
  const auto payload = slice(bytes, at + kFrameHeaderBytes, *size);
  if (!payload || checksum(*payload, offset + at) != *sum) return std::nullopt;
  return payload;
}

}  // namespace

Bytes index_header() {
  Bytes header(kIndexMagic.begin(), kIndexMagic.end());
  put(header, kIndexVersion);
  put(header, uint32_t{0});
  return header;
}

Status check_index_header(ByteView start) {
  const auto version = load<uint32_t>(start, kIndexMagic.size());
  if (!version || std::memcmp(start.data(), kIndexMagic.data(), kIndexMagic.size()) != 0) {
    return Error(ErrorCode::kCorrupt, "its index is not one of a vault");
  }
  if (*version != kIndexVersion) {
    return Error(ErrorCode::kUnsupported, "its index is of a later version of inquest");
  }
  return {};
}

void append_frame(Bytes& to, std::string_view payload, uint64_t offset) {
  const ByteView bytes(reinterpret_cast<const uint8_t*>(payload.data()), payload.size());
  put(to, kFrameMagic);
  put(to, static_cast<uint32_t>(payload.size()));
  put(to, checksum(bytes, offset));
  to.insert(to.end(), bytes.begin(), bytes.end());
  to.resize(to.size() + aligned(payload.size()) - payload.size());
}

FrameScan scan_frames(ByteView bytes, uint64_t offset,
                      const std::function<void(std::string_view payload)>& visit) {
  FrameScan scan{.end = offset, .damaged = 0};
  uint64_t at = 0;
  // Bytes of damaged frames that still look like frames are hashed once each: together at most
  // what a frame may hold times the number of magics, so their hashing is bounded as well.
  uint64_t hash_budget = 16 * kMaxFrameBytes + 2 * bytes.size();
  while (at < bytes.size() && bytes.size() - at >= kFrameHeaderBytes) {
    const uint64_t claimed = load<uint32_t>(bytes, at + 4).value_or(0);
    const bool looks = load<uint32_t>(bytes, at).value_or(0) == kFrameMagic;
    const bool affordable = claimed <= hash_budget;
    if (looks && affordable) hash_budget -= claimed;
    const auto payload = looks && affordable ? frame_at(bytes, at, offset) : std::nullopt;
    if (!payload) {
      at += kFrameAlignment;
      continue;
    }
    scan.damaged += offset + at - scan.end;
    visit({reinterpret_cast<const char*>(payload->data()), payload->size()});
    at = std::min<uint64_t>(bytes.size(), at + kFrameHeaderBytes + aligned(payload->size()));
    scan.end = offset + at;
  }
  return scan;
}

}  // namespace inquest::vault
