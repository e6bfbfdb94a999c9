// What the heap itself says: proof for or against what the other rules only suspect.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

using State = AllocationFact::State;

constexpr int kInAllocator = 99, kThrough = 99, kCertain = 98, kProved = 97, kLikely = 88,
              kPointedAt = 62;
constexpr size_t kDamageTold = 2;  // damaged places among the evidence; the facts have all
constexpr int kLiveObject = 25;    // taken off a suspicion that the block's state speaks against

std::string place_words(const AllocationFact& allocation) {
  return allocation.place.empty() ? std::string("the allocator's hands") : allocation.place;
}

// "the shop::Order behind `order` of settle()", "the block of 24 bytes at 0x…"
std::string object_words(const AllocationFact& allocation) {
  const size_t name = allocation.of.find('`');
  std::string what = allocation.type.empty() ? std::string("object") : allocation.type;
  if (name != std::string::npos)
    return fmt::format("the {} behind {}", what, allocation.of.substr(name));
  if (allocation.size == 0)
    what = "block";
  else if (allocation.type.empty())
    what = fmt::format("block of {} bytes", allocation.size);
  return fmt::format("the {} at {}", what, to_hex(allocation.start));
}

// The one whose start somebody knew comes first.
const AllocationFact* find_with_bad_value(const HeapFacts& heap, State state) {
  const AllocationFact* found = nullptr;
  for (const AllocationFact& allocation : heap.allocations) {
    if (allocation.state != state || !allocation.bad_value_at) continue;
    if (allocation.offset == 0) return &allocation;
    if (found == nullptr) found = &allocation;
  }
  return found;
}

Proposal* find(Proposals& proposals, CrashClass crash_class) {
  const auto found = std::find_if(proposals.begin(), proposals.end(), [&](const Proposal& p) {
    return p.hypothesis.crash_class == crash_class;
  });
  return found == proposals.end() ? nullptr : &*found;
}

void raise(Proposals& proposals, Hypothesis hypothesis, int weight) {
  if (Proposal* known = find(proposals, hypothesis.crash_class)) {
    for (std::string& fact : known->hypothesis.facts_for)
      hypothesis.facts_for.push_back(std::move(fact));
    if (hypothesis.expression.empty()) hypothesis.expression = known->hypothesis.expression;
    if (hypothesis.next_command.empty()) hypothesis.next_command = known->hypothesis.next_command;
    weight = std::max(weight, known->weight);
    known->hypothesis = std::move(hypothesis);
    known->weight = weight;
    return;
  }
  proposals.push_back({std::move(hypothesis), weight});
}

Hypothesis start(const Facts& facts, const AllocationFact& allocation, CrashClass crash_class) {
  Hypothesis h;
  h.crash_class = crash_class;
  if (facts.fault) h.expression = expression_of(*facts.fault);
  h.facts_for.push_back(allocation.statement);
  return h;
}

// The value that was used was read from a block that is free.
void used_after_free(const Facts& facts, Proposals& out) {
  const AllocationFact* freed = find_with_bad_value(*facts.heap, State::kFreed);
  if (freed == nullptr) return;
  Hypothesis h = start(facts, *freed, CrashClass::kUseAfterFree);
  const bool link = *freed->bad_value_at < freed->link_size;
  h.sentence =
      fmt::format("{} was freed: it is in {}{}", object_words(*freed), place_words(*freed),
                  link ? "; the word that was read from it is a link of the free list" : "");
  h.would_confirm = "who freed it: AddressSanitizer or valgrind print the stack of that free()";
  h.next_command = fmt::format("valgrind --num-callers=30 {}", executable_of(facts));
  raise(out, std::move(h), freed->proven ? kProved : kLikely);
}

// "`plan` of price()" and `plan->rows`: was the value that failed read through this pointer?
bool is_read_through(const Facts& facts, const AllocationFact& allocation) {
  if (!facts.fault || !facts.fault->operand || !facts.fault->operand->expression) return false;
  const size_t end = allocation.of.rfind("` of ");
  if (!allocation.of.starts_with('`') || end == std::string::npos) return false;
  return facts.fault->operand->expression->text.starts_with(allocation.of.substr(1, end - 1) +
                                                            "->");
}

// What the code worked on was free, though the value itself is no longer there.
void worked_on_freed(const Facts& facts, Proposals& out) {
  if (!facts.fault || facts.signal.sent_by_self) return;
  for (const AllocationFact& allocation : facts.heap->allocations) {
    if (allocation.state != State::kFreed || allocation.bad_value_at) continue;
    const bool is_object =
        allocation.of.starts_with("`this`") || allocation.of.starts_with("the fault address");
    // A register may well hold the address of what was rightly freed before.
    if (!is_object && allocation.of.find('`') == std::string::npos) continue;
    Hypothesis h = start(facts, allocation, CrashClass::kUseAfterFree);
    h.sentence = fmt::format("{} had been freed: it is in {}", object_words(allocation),
                             place_words(allocation));
    // A null pointer that was read out of it may well be the end of a free list.
    const bool through = allocation.proven && is_read_through(facts, allocation);
    if (through) {
      h.next_command = fmt::format("valgrind --num-callers=30 {}", executable_of(facts));
      raise(out, std::move(h), kThrough);
      return;
    }
    if (allocation.size != 0)
      h.facts_against.emplace_back("the value that failed does not stand in the freed block now");
    h.next_command = fmt::format("valgrind --num-callers=30 {}", executable_of(facts));
    raise(out, std::move(h), is_object ? kLikely : kPointedAt);
    return;
  }
}

// The block that held the bad value is in use: nothing was freed here, or it was handed out again.
void live_object(const Facts& facts, Proposals& out) {
  if (find_with_bad_value(*facts.heap, State::kFreed) != nullptr) return;
  const AllocationFact* live = find_with_bad_value(*facts.heap, State::kLive);
  Proposal* suspected = find(out, CrashClass::kUseAfterFree);
  if (live == nullptr || suspected == nullptr || !live->proven) return;
  suspected->weight = std::max(1, suspected->weight - kLiveObject);
  suspected->hypothesis.facts_against.push_back(
      fmt::format("{}, which is live: unless it was handed out again, nothing was freed there",
                  live->statement));
}

const AllocationFact* freed_argument(const Facts& facts) {
  for (const AllocationFact& allocation : facts.heap->allocations) {
    if (allocation.of.starts_with("free()'s argument") ||
        allocation.of.starts_with("a pointer on free()'s stack"))
      return &allocation;
  }
  return nullptr;
}

void bad_free(const Facts& facts, Proposals& out) {
  const AllocationFact* argument = freed_argument(facts);
  if (facts.abort.kind != AbortFacts::Kind::kGlibcHeap || argument == nullptr) return;
  const std::string& message = facts.abort.message;
  if (argument->state == State::kFreed && argument->offset == 0 &&
      message.find("double free") != std::string::npos) {
    Hypothesis h = start(facts, *argument, CrashClass::kDoubleFree);
    h.sentence = fmt::format("double free of {}: its {} bytes are already in {}",
                             object_words(*argument), argument->size, place_words(*argument));
    h.would_confirm = "the stack of the first free()";
    raise(out, std::move(h), kProved);
  } else if (argument->state == State::kLive && argument->offset > 0) {
    Hypothesis h = start(facts, *argument, CrashClass::kInvalidFree);
    h.sentence = fmt::format(
        "free() was given an address {} bytes inside a live block of {} "
        "bytes at {}, not its start",
        argument->offset, argument->size, to_hex(argument->start));
    h.would_confirm = "who moved the pointer between malloc() and free()";
    raise(out, std::move(h), kProved);
  }
}

// An allocator that ends the process without a word: what it had been given tells why.
void stopped(const Facts& facts, Proposals& out) {
  const HeapFacts& heap = *facts.heap;
  if (heap.stop.empty()) return;
  const auto propose = [&](CrashClass crash_class, std::string sentence, std::string fact,
                           std::string confirm, int weight) {
    Hypothesis h;
    h.crash_class = crash_class;
    h.sentence = std::move(sentence);
    h.facts_for = {heap.stop};
    if (!fact.empty()) h.facts_for.push_back(std::move(fact));
    h.would_confirm = std::move(confirm);
    h.next_command = fmt::format("valgrind --num-callers=30 {}", executable_of(facts));
    raise(out, std::move(h), weight);
  };
  if (heap.foreign) {
    propose(CrashClass::kInvalidFree,
            fmt::format("free() was given a pointer that malloc never returned: {}",
                        heap.foreign->statement),
            heap.foreign->statement, "where the pointer comes from", kProved);
    return;
  }
  if (heap.refused && *heap.refused < heap.allocations.size()) {
    const AllocationFact& block = heap.allocations[*heap.refused];
    // musl gives a group's memory back with its last block: then what was a block lies inside a
    // larger free one.
    if (block.state == State::kFreed && block.offset != 0) {
      propose(
          CrashClass::kDoubleFree,
          fmt::format("free() was given memory that is already free: {} bytes into a freed block "
                      "of {} bytes at {}, in {}",
                      block.offset, block.size, to_hex(block.start), place_words(block)),
          block.statement, "the stack of the first free()", kCertain);
      return;
    }
    if (block.state == State::kFreed) {
      propose(CrashClass::kDoubleFree,
              fmt::format("double free of {}: its {} bytes are already in {}", object_words(block),
                          block.size, place_words(block)),
              block.statement, "the stack of the first free()", kCertain);
      return;
    }
    if (block.offset != 0) {
      propose(
          CrashClass::kInvalidFree,
          fmt::format("free() was given an address {} bytes {} a {} block of {} bytes at {}, not "
                      "its start",
                      block.offset < 0 ? -block.offset : block.offset,
                      block.offset < 0 ? "before" : "inside", to_string(block.state), block.size,
                      to_hex(block.start)),
          block.statement, "who moved the pointer between malloc() and free()", kCertain);
      return;
    }
  }
  if (heap.damage.empty()) {
    propose(CrashClass::kHeapCorruption, heap.stop, {},
            "which check it was: the instruction before the one that stopped it", kPointedAt);
  }
}

// It faulted in the allocator's own library: "jemalloc" of "jemalloc 5.3" in libjemalloc.so.2.
bool died_in_allocator(const Facts& facts) {
  const auto& frames = facts.crashing.frames;
  if (!facts.fault || facts.crash_frame >= frames.size()) return false;
  const std::string& name = facts.heap->allocator;
  const std::string& path = frames[facts.crash_frame].module;
  const std::string word = name.substr(0, name.find(' '));
  return !word.empty() && path.substr(path.rfind('/') + 1).find(word) != std::string::npos;
}

// Damage that the allocator, or the crashed code, ran into.
void damaged(const Facts& facts, Proposals& out) {
  if (facts.heap->damage.empty()) return;
  const auto& all = facts.heap->damage;
  const auto with_culprit =
      std::find_if(all.begin(), all.end(), [](const auto& d) { return !d.overflown.empty(); });
  const HeapDamageFact& damage = with_culprit != all.end() ? *with_culprit : all.front();
  Hypothesis h;
  // Only freed blocks were written to, and the allocator itself did not complain.
  const bool inside = died_in_allocator(facts);
  const bool detected =
      inside || find(out, CrashClass::kHeapCorruption) != nullptr || !facts.heap->stop.empty();
  const bool after_free =
      !detected && std::all_of(all.begin(), all.end(), [](const auto& d) { return d.after_free; });
  h.crash_class = after_free ? CrashClass::kUseAfterFree : CrashClass::kHeapCorruption;
  h.sentence = damage.overflown.empty()
                   ? fmt::format("the heap is damaged at {}: {}", to_hex(damage.at), damage.what)
                   : fmt::format("{} was overrun into {}: {}", damage.overflown, to_hex(damage.at),
                                 damage.what);
  const size_t told = std::min(all.size(), kDamageTold);
  for (size_t i = 0; i < told; ++i) h.facts_for.push_back(all[i].fact.statement);
  if (all.size() > told)
    h.facts_for.push_back(fmt::format("and {} more places of its heap", all.size() - told));
  h.would_confirm = "AddressSanitizer stops at the write itself";
  h.next_command = fmt::format("valgrind --num-callers=30 {}", executable_of(facts));
  // A crash elsewhere in a process with a damaged heap: related, or not. One in the allocator,
  // whatever its last instruction did, comes from the damage.
  const int weight = inside ? kInAllocator : with_culprit != all.end() ? kProved : 90;
  raise(out, std::move(h), detected ? weight : 62);
}

}  // namespace

void propose_from_heap(const Facts& facts, Proposals& out) {
  if (!facts.heap || facts.reported || facts.signal.sent_by_other) return;
  used_after_free(facts, out);
  worked_on_freed(facts, out);
  live_object(facts, out);
  bad_free(facts, out);
  stopped(facts, out);
  damaged(facts, out);
}

}  // namespace inquest::diagnosis
