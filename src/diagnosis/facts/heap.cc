#include "diagnosis/facts/heap.h"

#include <fmt/format.h>

#include <algorithm>

#include "binary/demangle/demangle.h"
#include "diagnosis/facts/allocator_stop.h"
#include "diagnosis/facts/heap_questions.h"
#include "process/heap/heap.h"
#include "process/heap/object_names.h"
#include "process/heap/roots.h"

namespace inquest::diagnosis {
namespace {

using process::Allocator;
using process::Block;
using process::BlockState;
using process::HeapDamage;
using process::Located;

constexpr size_t kMaxAllocations = 6, kMaxDamage = 8, kMaxPointers = 6;
// Blocks for which all memory is searched for pointers.
constexpr size_t kMaxPointedAt = 2;
// Large blocks that glibc maps on their own: the header in front, and how far from other mappings.
constexpr uint64_t kPage = 4096, kMappedHeader = 16, kNearby = uint64_t{1} << 30;
// Bytes of a block that are searched for the bad value.
constexpr uint64_t kSearched = 64 * 1024;
// Stack words that are tried for the pointer that free() refused.
constexpr uint64_t kMaxStackWords = 2048;

AllocationFact::State to_state(BlockState state) {
  switch (state) {
    case BlockState::kLive:
      return AllocationFact::State::kLive;
    case BlockState::kFreed:
      return AllocationFact::State::kFreed;
    default:
      return AllocationFact::State::kUnknown;
  }
}

class HeapTeller {
 public:
  HeapTeller(const Site& site, const Facts& facts)
      : site_(site),
        facts_(facts),
        input_(process::heap_input(site.image, site.modules)),
        namer_(input_) {}

  std::optional<HeapFacts> tell() {
    allocators_ = process::recognise(input_);
    if (allocators_.empty()) return std::nullopt;
    ask_stop();
    auto questions = heap_questions(site_, facts_);
    for (const HeapQuestion& question : questions) ask(question);
    ask_unmapped();
    if (out_.allocations.empty() && facts_.abort.kind == AbortFacts::Kind::kGlibcHeap)
      ask_stack_of_free();
    find_damage();
    if (out_.allocations.empty() && out_.damage.empty() && out_.stop.empty()) return std::nullopt;
    out_.allocator = told_ != nullptr ? told_->name() : allocators_.front()->name();
    for (const auto& allocator : allocators_) {
      out_.notes.insert(out_.notes.end(), allocator->notes().begin(), allocator->notes().end());
    }
    return std::move(out_);
  }

 private:
  struct Found {
    Allocator* allocator;
    Located located;
  };

  std::optional<Found> locate(Address address) {
    for (const auto& allocator : allocators_) {
      if (auto located = allocator->locate(address)) return Found{allocator.get(), *located};
    }
    return std::nullopt;
  }

  // Where the bad value stands in the block, as a distance from its start.
  std::optional<uint64_t> bad_value_in(const Block& block) const {
    const auto wanted = bad_value(facts_);
    if (!wanted) return std::nullopt;
    const AddressRange range{block.start, block.start + std::min(block.size, kSearched)};
    std::optional<uint64_t> found;
    process::scan_words(input_.memory, range, {Address(*wanted), Address(*wanted) + 1},
                        [&](Address at, uint64_t) {
                          if (!found) found = at - block.start;
                        });
    return found;
  }

  void ask(const HeapQuestion& question) {
    if (out_.allocations.size() >= kMaxAllocations) return;
    // Of registers only those count whose block holds the bad value: without one, none has to be
    // looked for in a heap that may be large.
    if (question.is_register && !bad_value(facts_)) return;
    const auto found = locate(question.address);
    if (!found || found->located.block.state == BlockState::kInternal) return;
    const Block& block = found->located.block;
    for (AllocationFact& known : out_.allocations) {
      if (known.start != block.start) continue;
      add_type(question, block, known);
      return;
    }
    const auto holds = bad_value_in(block);
    if (question.is_register && (!holds || question.address < block.start)) return;
    const bool explains = block.state == BlockState::kFreed || holds;
    if (!question.strong && !explains) return;
    out_.allocations.push_back(describe(question, *found, holds));
    near_.push_back(block.start);
    told_ = found->allocator;
  }

  AllocationFact describe(const HeapQuestion& question, const Found& found,
                          std::optional<uint64_t> holds) {
    const Located& located = found.located;
    AllocationFact fact;
    fact.of = question.of;
    fact.address = question.address;
    fact.state = to_state(located.block.state);
    fact.start = located.block.start;
    fact.size = located.block.size;
    fact.offset = static_cast<int64_t>(question.address - located.block.start);
    fact.place = located.place;
    fact.proven = located.proven;
    fact.link_size = found.allocator->link_bytes();
    fact.bad_value_at = holds;
    if (located.before) fact.before = phrase(*located.before);
    if (located.behind) fact.behind = phrase(*located.behind);
    add_type(question, located.block, fact);
    if (out_.allocations.size() < kMaxPointedAt) add_pointers(located.block, fact);
    fact.statement = statement(fact, located);
    fact.evidence.push_back(
        {Evidence::Kind::kMemory, located.proof, located.block.start, std::nullopt});
    return fact;
  }

  static std::string phrase(const Block& block) {
    return fmt::format("a {} block of {} bytes at {}", to_string(block.state), block.size,
                       to_hex(block.start));
  }

  void add_type(const HeapQuestion& question, const Block& block, AllocationFact& fact) const {
    if (fact.type_by == "vtable") return;
    if (const auto name = namer_.by_vtable(block.start)) {
      fact.type = type_of_mangled(name->mangled);
      fact.type_by = "vtable";
    } else if (fact.type.empty() && !question.type.empty() && question.address == block.start) {
      fact.type = question.type;
      fact.type_by = "typed pointer " + question.of;
    }
  }

  void add_pointers(const Block& block, AllocationFact& fact) const {
    const auto references = process::find_references(
        input_, {.target = {block.start, block.start + std::max<uint64_t>(block.size, 1)},
                 .heap = heap_ranges(),
                 .records = records(),
                 .max_heap_bytes = kMaxHeapSearched,
                 .max_found = kMaxPointers * 8});
    for (const process::Reference& reference : references.found) {
      if (reference.at >= block.start && reference.at < block.end()) continue;
      if (fact.type.empty() && reference.register_name.empty()) {
        if (const auto name = namer_.by_owner(block, reference.at)) {
          fact.type = name->shape;
          fact.type_by = fmt::format("what points at it from {}", to_hex(reference.at));
        }
      }
      if (fact.pointed_by.size() < kMaxPointers) fact.pointed_by.push_back(phrase(reference));
    }
  }

  std::vector<AddressRange> heap_ranges() const {
    std::vector<AddressRange> ranges;
    for (const auto& allocator : allocators_) {
      for (const process::HeapRegion& region : allocator->regions()) ranges.push_back(region.range);
    }
    std::sort(ranges.begin(), ranges.end(),
              [](const AddressRange& a, const AddressRange& b) { return a.start < b.start; });
    return ranges;
  }

  std::vector<AddressRange> records() const {
    std::vector<AddressRange> ranges;
    for (const auto& allocator : allocators_) {
      for (const AddressRange& range : allocator->records()) ranges.push_back(range);
    }
    return ranges;
  }

  std::string phrase(const process::Reference& reference) const {
    const int32_t tid = site_.image.threads[reference.thread].tid;
    if (!reference.register_name.empty())
      return fmt::format("{} of thread {}", reference.register_name, tid);
    switch (reference.kind) {
      case process::Root::Kind::kStack:
        return fmt::format("the stack of thread {} at {}", tid, to_hex(reference.at));
      case process::Root::Kind::kGlobal:
        return global_name(reference);
      case process::Root::Kind::kHeap:
        return fmt::format("the heap at {}", to_hex(reference.at));
      case process::Root::Kind::kOther:
        break;
    }
    return fmt::format("memory at {}", to_hex(reference.at));
  }

  std::string global_name(const process::Reference& reference) const {
    if (site_.variables != nullptr) {
      if (const auto name = site_.variables->describe_global(reference.at))
        return fmt::format("the global `{}`", *name);
    }
    const auto symbol = site_.symbols.symbol_at(reference.at);
    if (symbol && !symbol->name.empty()) return fmt::format("the global `{}`", symbol->name);
    return fmt::format("data of {} at {}",
                       reference.module != nullptr ? reference.module->name : "a module",
                       to_hex(reference.at));
  }

  static std::string statement(const AllocationFact& fact, const Located& located) {
    std::string what =
        fmt::format("{} block of {} bytes", to_string(located.block.state), fact.size);
    if (located.block.state == BlockState::kUnused) what = "memory that was never handed out";
    std::string text = fact.offset == 0 ? fmt::format("{} is the start of a {}", fact.of, what)
                                        : fmt::format("{} is {} bytes into a {} at {}", fact.of,
                                                      fact.offset, what, to_hex(fact.start));
    if (!fact.type.empty()) text += fmt::format(" ({})", fact.type);
    if (!fact.place.empty()) text += fmt::format(": it is in {}", fact.place);
    if (fact.bad_value_at) {
      const bool link =
          fact.state == AllocationFact::State::kFreed && *fact.bad_value_at < fact.link_size;
      text += fmt::format("; the bad value stands {} bytes into it{}", *fact.bad_value_at,
                          link ? ": it is a link of the free list" : "");
    }
    if (!fact.proven) text += " (as far as its surroundings tell)";
    return text;
  }

  // The pointer that an allocator stumbled over comes first.
  void ask_stop() {
    const auto stop = find_allocator_stop(site_, facts_, allocators_);
    if (!stop) return;
    out_.stop = stop->how;
    told_ = stop->allocator;
    if (!stop->pointer) return;
    const HeapQuestion& question = *stop->pointer;
    near_.push_back(question.address);
    const auto located = stop->allocator->locate(question.address);
    if (located && located->block.state != BlockState::kInternal) {
      if (stop->was_given) out_.refused = out_.allocations.size();
      out_.allocations.push_back(
          describe(question, {stop->allocator, *located}, bad_value_in(located->block)));
    } else if (stop->was_given) {
      Fact foreign;
      foreign.statement = fmt::format("{} is {}, which lies in no block of {}", question.of,
                                      to_hex(question.address), stop->allocator->name());
      foreign.evidence.push_back(
          {Evidence::Kind::kRegister, question.of, question.address, site_.frame});
      out_.foreign = std::move(foreign);
    }
  }

  // glibc maps large blocks on their own and unmaps them when they are freed: such a pointer leads
  // 16 bytes behind a page's start, to where nothing is any more.
  void ask_unmapped() {
    const auto value = bad_value(facts_);
    if (!value || *value % kPage != kMappedHeader || !facts_.fault || facts_.fault->pc_is_bad)
      return;
    if (site_.image.mapping_at(Address(*value)) != nullptr || *value >> 47 != 0) return;
    const Address page(*value - kMappedHeader);
    const bool among_mappings =
        site_.map.before(page) != nullptr && page - site_.map.before(page)->range.end < kNearby;
    if (!among_mappings || facts_.fault->address < Address(*value)) return;
    AllocationFact fact;
    fact.of = "the fault address";
    fact.address = fact.start = Address(*value);
    fact.state = AllocationFact::State::kFreed;
    fact.place = "memory that is no longer mapped, as large blocks are once they are freed";
    fact.proven = false;
    fact.statement = fmt::format(
        "{} is 16 bytes behind a page's start among mappings, where nothing is mapped: as the "
        "start "
        "of a large block that was given back to the system",
        to_hex(fact.start));
    out_.allocations.push_back(std::move(fact));
  }

  // Without debug information: free() and its kin keep the block they were given on their stack.
  void ask_stack_of_free() {
    const size_t user = facts_.open_frame().value_or(0);
    if (site_.frame >= site_.stack.frames.size() || user >= site_.stack.frames.size()) return;
    const auto from = site_.stack.frames[site_.frame].registers.sp();
    const auto to = site_.stack.frames[user].registers.sp();
    if (!from || !to || *to <= *from || *to - *from > kMaxStackWords * 8) return;
    for (const AddressRange& range : heap_ranges()) {
      process::scan_words(input_.memory, {*from, *to}, range, [&](Address, uint64_t value) {
        if (!out_.allocations.empty()) return;
        const auto found = locate(Address(value));
        if (!found || found->located.block.start != Address(value)) return;
        ask({"a pointer on free()'s stack", Address(value), {}, false});
      });
    }
  }

  void find_damage() {
    const bool suspicious = facts_.abort.kind == AbortFacts::Kind::kGlibcHeap || facts_.fault;
    if (!suspicious) return;
    for (const auto& allocator : allocators_) {
      allocator->check(near_);
      for (const HeapDamage& damage : allocator->damage()) {
        if (out_.damage.size() < kMaxDamage) out_.damage.push_back(describe(damage));
      }
    }
  }

  HeapDamageFact describe(const HeapDamage& damage) const {
    HeapDamageFact fact;
    fact.at = damage.at;
    fact.what = damage.what;
    fact.after_free = damage.kind == HeapDamage::Kind::kFreedWrite ||
                      damage.kind == HeapDamage::Kind::kDoubleFree;
    const bool first = std::none_of(out_.damage.begin(), out_.damage.end(),
                                    [](const auto& d) { return !d.overflown.empty(); });
    if (damage.overflown) fact.overflown = overflown_phrase(*damage.overflown, first);
    fact.fact.statement = damage.what;
    if (!fact.overflown.empty())
      fact.fact.statement += fmt::format("; {} lies right before it", fact.overflown);
    const auto word = input_.memory.load<uint64_t>(Address(damage.at.value & ~uint64_t{7}));
    if (word) {
      fact.fact.evidence.push_back(
          {Evidence::Kind::kMemory,
           fmt::format("8 bytes at {}: {}", to_hex(damage.at), to_hex(*word)), damage.at,
           std::nullopt});
    }
    return fact;
  }

  // "a buffer of 24 bytes at 0x… (std::string storage, pointed to by the global `name`)"
  std::string overflown_phrase(const Block& block, bool in_detail) const {
    AllocationFact fact;
    add_type({}, block, fact);
    if (in_detail) add_pointers(block, fact);
    std::string text = fmt::format("the block of {} bytes at {}", block.size, to_hex(block.start));
    std::string details = fact.type;
    if (!fact.pointed_by.empty()) {
      if (!details.empty()) details += ", ";
      details += "pointed to by " + fact.pointed_by.front();
    }
    return details.empty() ? text : fmt::format("{} ({})", text, details);
  }

  static constexpr uint64_t kMaxHeapSearched = uint64_t{64} << 20;

  const Site& site_;
  const Facts& facts_;
  process::HeapInput input_;
  process::ObjectNamer namer_;
  std::vector<std::unique_ptr<Allocator>> allocators_;
  Allocator* told_ = nullptr;
  std::vector<Address> near_;
  HeapFacts out_;
};

}  // namespace

std::string type_of_mangled(const std::string& mangled) {
  const std::string text = demangle::demangle("_ZTS" + mangled);
  constexpr std::string_view kPrefix = "typeinfo name for ";
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : mangled;
}

std::optional<HeapFacts> describe_heap(const Site& site, const Facts& facts) {
  return HeapTeller(site, facts).tell();
}

}  // namespace inquest::diagnosis
