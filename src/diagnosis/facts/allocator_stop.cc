#include "diagnosis/facts/allocator_stop.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/caller_argument.h"

namespace inquest::diagnosis {
namespace {

using process::Allocator;
using process::BlockState;

constexpr uint64_t kAlignment = 16;
constexpr int64_t kGroupInRecord = 16;  // of a record, the member that free() reads first

struct Held {
  std::string name;
  uint64_t value = 0;
};

// Registers of the crashing frame, those that a callee may use freely first: the others often still
// hold what belongs to callers.
std::vector<Held> held_values(const Site& site) {
  const isa::RegisterFile& registers = site.registers();
  std::vector<Held> scratch, kept;
  for (isa::RegisterId id = 0; id <= isa::a64::kLr; ++id) {
    const auto name = isa::register_name(registers.arch(), id);
    const auto value = registers.get(id);
    if (!value || name.empty() || name == "rip" || name == "rsp" || name == "sp") continue;
    const bool is_kept =
        registers.arch() == isa::Arch::kX86_64
            ? name == "rbx" || name == "rbp" || (name.size() == 3 && name[1] == '1')
            : id >= 19;
    (is_kept ? kept : scratch).push_back({std::string(name), *value});
  }
  scratch.insert(scratch.end(), kept.begin(), kept.end());
  return scratch;
}

class StopFinder {
 public:
  StopFinder(const Site& site, const Facts& facts, Allocator& allocator)
      : site_(site), facts_(facts), allocator_(allocator), values_(held_values(site)) {}

  std::optional<AllocatorStop> find() const {
    const FaultFacts& fault = *facts_.fault;
    if (fault.pc_is_bad || fault.frame != site_.frame) return std::nullopt;
    if (site_.modules.find(fault.pc) != allocator_.trapping_module()) return std::nullopt;
    return is_trap(fault) ? at_check(fault) : at_record(fault);
  }

 private:
  // hlt where there is one; elsewhere musl writes to the null pointer.
  bool is_trap(const FaultFacts& fault) const {
    if (site_.arch() == isa::Arch::kX86_64) return fault.kind == "trap";
    return fault.kind == "store" && fault.address && fault.address->is_null();
  }

  bool is_held(uint64_t value) const {
    return std::any_of(values_.begin(), values_.end(),
                       [value](const Held& held) { return held.value == value; });
  }

  bool is_record(uint64_t value) const {
    const auto ranges = allocator_.records();
    return std::any_of(ranges.begin(), ranges.end(), [value](const AddressRange& range) {
      return range.contains(Address(value));
    });
  }

  // The pointer whose record is in another register: get_meta() has both. The allocator's own lists
  // look alike and are none.
  const Held* given() const {
    for (const Held& held : values_) {
      if (is_record(held.value)) continue;
      const auto record = allocator_.record_of(Address(held.value));
      if (record && !record->is_null() && is_held(record->value)) return &held;
    }
    return nullptr;
  }

  // Else one that leads to a block that nobody may give back, or that is in no heap's hands.
  const Held* block() const {
    for (const Held& held : values_) {
      const auto located = allocator_.locate(Address(held.value));
      if (located && located->block.start == Address(held.value) &&
          located->block.state != BlockState::kInternal)
        return &held;
    }
    return nullptr;
  }

  // Or one into the middle of a block in use: refused for what stands in front of it, before a
  // record was looked for.
  const Held* inside() const {
    for (const Held& held : values_) {
      if (held.value % kAlignment != 0) continue;
      const auto located = allocator_.locate(Address(held.value));
      if (located && located->block.state == BlockState::kLive &&
          located->block.start < Address(held.value) && Address(held.value) < located->block.end())
        return &held;
    }
    return nullptr;
  }

  std::optional<AllocatorStop> at_check(const FaultFacts& fault) const {
    const Held* known = given();
    if (known == nullptr && fault.kind == "trap") known = inside();
    const Held* found = known != nullptr ? known : block();
    // A null pointer is written to by all kinds of code.
    if (known == nullptr && fault.kind != "trap") return std::nullopt;
    AllocatorStop stop = describe(found, known != nullptr);
    stop.how = fmt::format("a check of {} failed: it ends the process by `{}`", allocator_.name(),
                           fault.instruction);
    return stop;
  }

  // The address that could not be read came out of what the pointer's header leads to.
  std::optional<AllocatorStop> at_record(const FaultFacts& fault) const {
    if (!fault.operand || !fault.operand->bad_value ||
        fault.operand->displacement != kGroupInRecord)
      return std::nullopt;
    const uint64_t bad = *fault.operand->bad_value;
    for (const Held& held : values_) {
      const auto record = allocator_.record_of(Address(held.value));
      if (record != Address(bad) || held.value == bad) continue;
      const auto located = allocator_.locate(Address(held.value));
      const bool sound = located && located->block.start == Address(held.value) &&
                         located->block.state == BlockState::kLive;
      if (sound) continue;
      AllocatorStop stop = describe(&held, true);
      stop.how = fmt::format("free() of {} took {} for the record of the block at {}",
                             allocator_.name(), to_hex(bad), to_hex(held.value));
      return stop;
    }
    return std::nullopt;
  }

  AllocatorStop describe(const Held* held, bool was_given) const {
    AllocatorStop stop;
    stop.allocator = &allocator_;
    if (held == nullptr) return stop;
    stop.was_given = was_given;
    stop.pointer = {.of = was_given ? fmt::format("free()'s argument ({})", held->name)
                                    : fmt::format("the allocator's {}", held->name),
                    .address = Address(held->value),
                    .type = {},
                    .strong = true};
    const auto argument = first_argument(site_, facts_.crashing, site_.frame);
    if (was_given && argument && argument->value == held->value)
      stop.pointer->of = fmt::format("free()'s argument `{}`", argument->text);
    return stop;
  }

  const Site& site_;
  const Facts& facts_;
  Allocator& allocator_;
  std::vector<Held> values_;
};

}  // namespace

std::optional<AllocatorStop> find_allocator_stop(
    const Site& site, const Facts& facts,
    std::span<const std::unique_ptr<process::Allocator>> allocators) {
  if (!facts.fault || site.frame >= site.stack.frames.size()) return std::nullopt;
  for (const auto& allocator : allocators) {
    if (allocator->trapping_module() == nullptr) continue;
    if (auto stop = StopFinder(site, facts, *allocator).find()) return stop;
  }
  return std::nullopt;
}

}  // namespace inquest::diagnosis
