#include "process/heap/mimalloc_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

#include "process/heap/mimalloc_pages.h"

namespace inquest::process::mimalloc {
namespace {

constexpr size_t kMaxSegments = size_t{1} << 17, kMaxTried = size_t{1} << 20;
constexpr uint64_t kMaxEntries = 1024, kMaxInfo = 16, kMaxSlices = uint64_t{1} << 32;
// Where slices[] may begin, and how large its entries may be.
constexpr uint64_t kFirstSlices = 128, kLastSlices = 512;
constexpr uint64_t kRecordSizes[] = {80, 96, 112};
// Words in front of slices[].
constexpr uint64_t kKind = 24, kInfo = 32, kCount = 40, kCookie = 48, kLateCookie = 64;
constexpr uint64_t kUsedBeforeCookie = 8;

struct Shape {
  uint64_t slices = 0, record_size = 0;
  bool thread_is_last = true;
  auto operator<=>(const Shape&) const = default;
};

bool may_hold_segment(const Mapping& mapping) {
  if (mapping.protection && !mapping.protection->write) return false;
  return mapping.path.empty() || mapping.path.starts_with("[anon");
}

// Do slices lead from one to the next and end where the table does?
bool is_table(ByteView bytes, const Shape& shape, uint64_t info, uint64_t entries, bool huge) {
  uint64_t index = 0;
  for (uint64_t steps = 0; index < entries; ++steps) {
    const auto count = load<uint32_t>(bytes, shape.slices + index * shape.record_size);
    const auto offset = load<uint32_t>(bytes, shape.slices + index * shape.record_size + 4);
    if (!count || !offset || *count == 0 || *offset != 0) return false;
    if (index == 0 && *count != info) return false;
    index += *count;
    if (huge && index >= entries) return true;
    if (steps > kMaxEntries) return false;
  }
  return index == entries;
}

bool is_header(ByteView bytes, const Shape& shape) {
  const auto word = [&](uint64_t before) {
    return load<uint64_t>(bytes, shape.slices - before).value_or(0);
  };
  const uint64_t entries = word(shape.thread_is_last ? 16 : 8), kind = word(kKind) & 0xffffffff;
  const uint64_t thread = word(shape.thread_is_last ? 8 : 16);
  const uint64_t info = word(kInfo), count = word(kCount);
  if (entries == 0 || entries > kMaxEntries || kind > 1 || info == 0 || info > kMaxInfo)
    return false;
  if (count > kMaxSlices || count < entries || info >= count) return false;
  if (thread != 0 && (thread < kSlice || thread % 8 != 0)) return false;
  return is_table(bytes, shape, info, entries, kind == 1);
}

std::vector<Shape> shapes_of(ByteView bytes) {
  std::vector<Shape> found;
  for (uint64_t slices = kFirstSlices; slices <= kLastSlices; slices += 8) {
    for (const uint64_t size : kRecordSizes) {
      for (const bool last : {true, false}) {
        const Shape shape{slices, size, last};
        if (is_header(bytes, shape)) found.push_back(shape);
      }
    }
  }
  return found;
}

ByteView header_bytes(const HeapInput& input, Address at) {
  constexpr uint64_t kLongest = kLastSlices + (kMaxEntries + 1) * 112;
  return input.memory.view(at, kLongest);
}

std::vector<Address> candidates(const HeapInput& input) {
  std::vector<Address> found;
  size_t tried = 0;
  for (const Mapping& mapping : input.image.mappings) {
    if (!may_hold_segment(mapping)) continue;
    uint64_t at = (mapping.range.start.value + kSegmentAlignment - 1) & ~(kSegmentAlignment - 1);
    for (; at >= mapping.range.start.value && at < mapping.range.end.value;
         at += kSegmentAlignment) {
      if (++tried > kMaxTried || found.size() >= kMaxSegments) return found;
      const auto first = input.memory.load<uint64_t>(Address(at) + kFirstSlices);
      if (first) found.emplace_back(at);
      if (at + kSegmentAlignment < at) break;
    }
  }
  return found;
}

// Both words may be the cookie: behind it two links of abandoned segments were put in 2.1.9.
uint64_t cookie_offset(const HeapInput& input, const std::vector<Address>& all, uint64_t slices) {
  const auto is_link = [&](Address segment, uint64_t before) {
    const auto word = input.memory.load<uint64_t>(segment + slices - before);
    return word && *word % kSegmentAlignment == 0;
  };
  const bool late = std::all_of(all.begin(), all.end(), [&](Address segment) {
    return is_link(segment, kCookie) && is_link(segment, kCookie + 8);
  });
  return slices - (late ? kLateCookie : kCookie);
}

Segment read_segment(const HeapInput& input, const Layout& layout, Address at) {
  const auto word = [&](uint64_t before) {
    return input.memory.load<uint64_t>(at + layout.slices - before).value_or(0);
  };
  Segment segment;
  segment.at = at;
  segment.slices = word(kCount);
  segment.info = word(kInfo);
  segment.entries = word(layout.thread_is_last ? 16 : 8);
  segment.thread = word(layout.thread_is_last ? 8 : 16);
  segment.huge = (word(kKind) & 0xffffffff) == 1;
  segment.cookie = word(layout.slices - layout.cookie) ^ at.value;
  segment.used = word(layout.slices - layout.cookie + kUsedBeforeCookie);
  return segment;
}

// The cookie that most segments share; the others are no segments, or damaged ones.
void drop_strangers(Found& found) {
  std::map<uint64_t, size_t> votes;
  for (const Segment& segment : found.segments) ++votes[segment.cookie];
  const auto most = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == votes.end()) return;
  const uint64_t cookie = most->first;
  const size_t all = found.segments.size();
  std::erase_if(found.segments, [cookie](const Segment& s) { return s.cookie != cookie; });
  if (found.segments.size() == all) return;
  found.notes.push_back(fmt::format(
      "{} of {} places that look like segments of mimalloc do not carry the process's cookie",
      all - found.segments.size(), all));
}

void drop_overlaps(std::vector<Segment>& segments) {
  Address end;
  std::erase_if(segments, [&](const Segment& segment) {
    const AddressRange range = segment.range();
    const bool bad = range.start < end || range.end <= range.start;
    if (!bad) end = range.end;
    return bad;
  });
}

}  // namespace

Address decode_link(const Layout& layout, uint64_t raw, const uint64_t (&keys)[2], Address null) {
  if (!layout.encoded) return Address(raw);
  const uint64_t value = std::rotr(raw - keys[0], static_cast<int>(keys[0] % 64)) ^ keys[1];
  return value == null.value ? Address(0) : Address(value);
}

// Since 2.1 its lowest byte is zero, which ends a text that runs on.
bool is_canary(uint32_t word, const Page& page, Address block) {
  const uint64_t value = block.value ^ page.keys[1];
  const auto canary =
      static_cast<uint32_t>(std::rotl(value, static_cast<int>(page.keys[0] % 64)) + page.keys[0]);
  return word == canary || word == (canary & ~uint32_t{0xff});
}

std::optional<Found> find_segments(const HeapInput& input) {
  const std::vector<Address> places = candidates(input);
  std::map<Shape, std::vector<Address>> by_shape;
  for (const Address at : places) {
    for (const Shape& shape : shapes_of(header_bytes(input, at))) by_shape[shape].push_back(at);
  }
  std::optional<Found> best;
  uint64_t most_pages = 0;
  for (const auto& [shape, segments] : by_shape) {
    Found found;
    found.layout.slices = shape.slices;
    found.layout.record_size = shape.record_size;
    found.layout.thread_is_last = shape.thread_is_last;
    found.layout.cookie = cookie_offset(input, segments, shape.slices);
    for (const Address at : segments)
      found.segments.push_back(read_segment(input, found.layout, at));
    drop_strangers(found);
    drop_overlaps(found.segments);
    const uint64_t pages = derive_page_layout(input, found);
    if (pages <= most_pages) continue;
    most_pages = pages;
    best = std::move(found);
  }
  return best;
}

}  // namespace inquest::process::mimalloc
