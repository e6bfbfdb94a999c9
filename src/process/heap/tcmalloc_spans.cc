#include "process/heap/tcmalloc_spans.h"

#include <algorithm>

#include "process/heap/glibc_arenas.h"

namespace inquest::process::tcmalloc {
namespace {

constexpr uint64_t kSpanBytes = 48;
// Pages of 8 KiB unless configured otherwise; the tree has two levels for 48 bits of address.
constexpr TreeShape kShapes[] = {
    {13, 48, {17, 18, 0}, 8, ~uint64_t{7}}, {12, 48, {18, 18, 0}, 8, ~uint64_t{7}},
    {15, 48, {16, 17, 0}, 8, ~uint64_t{7}}, {16, 48, {16, 16, 0}, 8, ~uint64_t{7}},
    {18, 48, {15, 15, 0}, 8, ~uint64_t{7}},
};
constexpr Address kEnd(uint64_t{1} << 47);
constexpr size_t kMaxVoters = 1024, kMinVoters = 3;

// A span that is cut into objects: are its free ones inside, and are there no more than it has?
class Judge final : public TreeJudge {
 public:
  explicit Judge(const HeapInput& input) : input_(input) {}

  std::optional<bool> names(const TreeShape& shape, ByteView bytes, Address page) const override {
    const auto span = read_span(input_.memory, shape, Address(*load<uint64_t>(bytes)));
    return span && span->pages.contains(page);
  }

  bool accept(const TreeShape& shape, Address root, const Module* module) override {
    const SpanMap map(input_, root, shape);
    size_t total = 0, good = 0, cut = 0;
    Address at(0);
    while (total < kMaxVoters) {
      const auto entry = map.tree().first_in(at, kEnd);
      if (!entry) break;
      const auto span = read_span(input_.memory, shape, Address(*load<uint64_t>(entry->element)));
      at = entry->page + shape.page();
      ++total;
      if (!span || span->pages.start != entry->page) continue;
      at = span->pages.end;
      if (!agrees(*span, map)) continue;
      ++good;
      if (span->size_class != 0) ++cut;
    }
    // Pages inside of what was free once keep what they said: not all entries need agree.
    if (total < kMinVoters || cut == 0 || good * 4 < total * 3) return false;
    found.push_back({root, shape, module});
    return true;
  }

  std::vector<Layout> found;

 private:
  // The last page leads to the span too, and the head of its list lies inside.
  static bool agrees(const Span& span, const SpanMap& map) {
    const auto last = map.tree().at(span.pages.end - 1);
    if (!last || Address(*load<uint64_t>(last->element)) != span.record) return false;
    if (span.location != 0 || span.size_class == 0) return true;
    return span.objects.is_null() || span.pages.contains(span.objects);
  }

  const HeapInput& input_;
};

}  // namespace

std::optional<Span> read_span(const MemoryReader& memory, const TreeShape& shape, Address record) {
  uint8_t bytes[kSpanBytes];
  if (record.value % 8 != 0 || memory.read(record, bytes).size != kSpanBytes) return std::nullopt;
  const uint64_t start = *load<uint64_t>(bytes, 0), length = *load<uint64_t>(bytes, 8);
  const uint64_t pages = uint64_t{1} << (shape.address_bits - shape.lg_page);
  if (start == 0 || start >= pages || length == 0 || length > pages - start) return std::nullopt;
  const uint64_t flags = *load<uint64_t>(bytes, 40);
  Span span;
  span.record = record;
  span.pages = {Address(start << shape.lg_page), Address((start + length) << shape.lg_page)};
  span.objects = Address(*load<uint64_t>(bytes, 32));
  span.used = static_cast<uint32_t>(flags & 0xffff);
  span.size_class = static_cast<uint32_t>(flags >> 16 & 0xff);
  span.location = static_cast<uint32_t>(flags >> 24 & 3);
  return span.location <= 2 ? std::optional(span) : std::nullopt;
}

SpanMap::SpanMap(const HeapInput& input, Address root, const TreeShape& shape)
    : input_(input), tree_(input_, root, shape) {}

std::optional<Span> SpanMap::span_of(const PageTree::Entry& entry) const {
  return read_span(input_.memory, tree_.shape(), Address(*load<uint64_t>(entry.element)));
}

// Spans that are cut are in the map with each of their pages; others with the first and the last
// one, and pages between them may still name a span that was there before.
std::optional<Span> SpanMap::find(Address address) const {
  if (input_.image.mapping_at(address) == nullptr) return std::nullopt;
  const Address low = glibc::writable_around(input_.image, address).start;
  Address at = address;
  for (int attempt = 0; attempt < 4096; ++attempt) {
    const auto entry = tree_.last_in(low, at);
    if (!entry) return std::nullopt;
    auto span = span_of(*entry);
    // Only what its own first page agrees with.
    if (span && span->pages.contains(entry->page)) {
      const auto first = tree_.at(span->pages.start);
      if (first && Address(*load<uint64_t>(first->element)) == span->record)
        return span->pages.contains(address) ? span : std::nullopt;
    }
    if (entry->page.value == 0) return std::nullopt;
    at = entry->page - 1;
  }
  return std::nullopt;
}

std::optional<Span> SpanMap::next(Address from, Address to) const {
  while (const auto entry = tree_.first_in(from, to)) {
    auto span = span_of(*entry);
    if (span && span->pages.start == entry->page) return span;
    from = entry->page + tree_.shape().page();
  }
  return std::nullopt;
}

std::vector<Layout> find_layouts(const RootWords& words) {
  Judge judge(words.input);
  search_trees(words, kShapes, judge);
  return std::move(judge.found);
}

}  // namespace inquest::process::tcmalloc
