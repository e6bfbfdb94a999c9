#include "capture/supervise/quick_signature.h"

#include <fmt/format.h>

#include "platform/codec/digest.h"

namespace inquest::capture {
namespace {

constexpr size_t kMaxPlaces = 6;
constexpr uint64_t kScanned = 4096;  // bytes of stack

std::string place_of(const Captured& captured, Address address) {
  const LiveMapping* mapping = find_mapping(captured.mappings, address);
  if (mapping == nullptr) return "nowhere";
  if (!mapping->is_file()) return mapping->execute ? "unnamed code" : "data";
  return fmt::format("{}+{:x}", mapping->path,
                     address - mapping->range.start + mapping->file_offset);
}

}  // namespace

std::string quick_signature(const Captured& captured) {
  const ThreadState& crashed = captured.threads.front();
  const int code = load<int32_t>(crashed.siginfo, 8).value_or(0);
  std::string text = fmt::format("{} {} {}", captured.signal, code, place_of(captured, crashed.pc));
  size_t places = 0;
  const Address start(crashed.sp.value & ~uint64_t{7});
  for (Address at = start; at < start + kScanned && places < kMaxPlaces; at = at + 8) {
    const auto word = captured.pages.load<uint64_t>(at);
    if (!word) continue;
    const LiveMapping* mapping = find_mapping(captured.mappings, Address(*word));
    if (mapping == nullptr || !mapping->execute || !mapping->is_file()) continue;
    text += " " + place_of(captured, Address(*word));
    ++places;
  }
  const ByteView bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  return fmt::format("{:016x}", codec::xxhash64(bytes));
}

}  // namespace inquest::capture
