#include "process/symbols/tail_calls.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace inquest::process {
namespace {

constexpr size_t kMaxFunctions = 48;      // looked at for one call
constexpr size_t kMaxWays = 1 << 14;      // calls that were looked at
constexpr size_t kMaxSearches = 1 << 10;  // of them, calls that did not enter what was found
constexpr size_t kMaxNamed = 4;           // in a note
constexpr size_t kMaxInserted = 256;      // into one stack

// The functions that can be reached by tail calls from the one that was called, and where they
// lead.
class Graph {
 public:
  // `goal`: a pc of the function that was found to run.
  Graph(TailJumps& jumps, Address entered, Address goal) {
    const auto goal_entry = jumps.entry_of(goal);
    functions_.push_back(&jumps.at(entered));
    for (size_t i = 0; i < functions_.size(); ++i) {
      const TailFunction& function = *functions_[i];
      is_goal_.push_back(function.entry == goal_entry || function.contains(goal));
      targets_.emplace_back();
      if (!is_goal_[i]) add_targets(jumps, function, targets_[i]);
    }
    for (size_t i = 0; i < functions_.size(); ++i) leads_.push_back(reaches_goal(i, std::nullopt));
  }

  const TailFunction& entered() const { return *functions_.front(); }
  bool starts_at_goal() const { return is_goal_.front(); }
  bool leads_through_pointer() const { return through_pointer_; }
  // Could there be ways that are not known?
  bool has_gaps() const { return unread_ || through_pointer_; }

  // The functions that lie on some way, nearest to the call first.
  std::vector<size_t> on_ways() const {
    std::vector<size_t> found;
    for (size_t i = 0; i < functions_.size(); ++i)
      if (leads_[i] && !is_goal_[i]) found.push_back(i);
    return found;
  }
  const TailFunction& at(size_t index) const { return *functions_[index]; }
  bool is_on_all_ways(size_t index) const { return index == 0 || !reaches_goal(0, index); }
  // The exits that lie on some way; without `known_only`, those through pointers as well.
  std::vector<TailExit> exits_to_goal(size_t index, bool known_only) const {
    std::vector<TailExit> exits = functions_[index]->exits;
    std::erase_if(exits, [&](const TailExit& exit) {
      if (!exit.target) return known_only;
      const auto target = index_of(*exit.target);
      return known_only && (!target || !leads_[*target]);
    });
    return exits;
  }

 private:
  void add_targets(TailJumps& jumps, const TailFunction& function, std::vector<size_t>& targets) {
    if (!function.whole) unread_ = true;
    for (const TailExit& exit : function.exits) {
      if (!exit.target) {
        through_pointer_ = true;
      } else if (const auto known = index_of(*exit.target)) {
        targets.push_back(*known);
      } else if (functions_.size() < kMaxFunctions) {
        targets.push_back(functions_.size());
        functions_.push_back(&jumps.at(*exit.target));
      } else {
        unread_ = true;
      }
    }
  }

  std::optional<size_t> index_of(Address entry) const {
    for (size_t i = 0; i < functions_.size(); ++i)
      if (functions_[i]->entry == entry) return i;
    return std::nullopt;
  }

  // Is there a way from `from` that does not pass `without`?
  bool reaches_goal(size_t from, std::optional<size_t> without) const {
    std::vector<size_t> waiting{from};
    std::vector<bool> seen(functions_.size());
    seen[from] = true;
    while (!waiting.empty()) {
      const size_t now = waiting.back();
      waiting.pop_back();
      if (is_goal_[now]) return true;
      for (const size_t target : targets_[now]) {
        if (target == without || seen[target]) continue;
        seen[target] = true;
        waiting.push_back(target);
      }
    }
    return false;
  }

  std::vector<const TailFunction*> functions_;
  std::vector<std::vector<size_t>> targets_;
  std::vector<bool> is_goal_, leads_;
  bool unread_ = false;
  bool through_pointer_ = false;
};

// What the registers were when a function was left by a jump: those that functions keep are its
// caller's. Its place on the stack is used again by others.
isa::RegisterFile registers_at_jump(const Frame& caller, Address end, bool unknown) {
  isa::RegisterFile registers = caller.registers;
  const isa::Arch arch = registers.arch();
  if (unknown) registers = isa::RegisterFile(arch);
  uint64_t kept = 0;
  for (isa::RegisterId id = 0; id < isa::kRegisterCount; ++id) {
    const bool thread_pointer = arch == isa::Arch::kX86_64
                                    ? id == isa::x86::kFsBase || id == isa::x86::kGsBase
                                    : id == isa::a64::kTpidr;
    if (isa::is_callee_saved(arch, id) || thread_pointer) kept |= uint64_t{1} << id;
  }
  registers.keep_only(kept);
  registers.forget(isa::sp_register(arch));
  registers.set_pc(end);
  return registers;
}

}  // namespace

const TailCalls::Way& TailCalls::between(const Frame& callee, const Frame& caller) {
  static const Way kNone;
  if (caller.interrupted || caller.is_signal_handler_return || callee.is_signal_handler_return ||
      caller.trust == Trust::kLow || caller.how == FoundBy::kScan)
    return kNone;
  const auto [place, is_new] = known_.try_emplace({callee.lookup_pc(), caller.pc});
  if (!is_new) return place->second;
  if (known_.size() > kMaxWays) {
    known_.erase(place);
    return kNone;
  }
  const uint64_t call_size = image_.arch == isa::Arch::kX86_64 ? 5 : 4;
  const ByteView code = modules_.memory().view(caller.pc - call_size, call_size);
  const auto call = isa::decode(image_.arch, code, caller.pc - call_size);
  if (!call.ok() || call->flow != isa::Flow::kCall || call->length != call_size ||
      !call->target.direct)
    return place->second;
  place->second = find(callee.lookup_pc(), jumps_.through_stub(*call->target.direct));
  return place->second;
}

// Which of `exits` it was is known when there is but one.
TailCalls::Passed TailCalls::left_by(const std::vector<TailExit>& exits) {
  const TailExit& first = exits.front();
  return {first.end, exits.size() == 1 ? std::optional(first.jump) : std::nullopt};
}

TailCalls::Way TailCalls::find(Address callee_pc, Address entered) {
  // What usually holds, and costs next to nothing.
  Way way;
  if (jumps_.starts_function(entered, callee_pc)) return way;
  if (!jumps_.starts_function(entered, entered)) return way;
  if (jumps_.entry_of(callee_pc) == entered) return way;
  if (++searches_ > kMaxSearches) return way;
  const Graph graph(jumps_, entered, callee_pc);
  const TailFunction& first = graph.entered();
  if (graph.starts_at_goal() || !first.whole) return way;
  const std::vector<size_t> all = graph.on_ways();
  if (all.empty()) {
    // It went through a pointer, and nothing says what else lay on the way.
    if (!graph.leads_through_pointer() || first.exits.empty()) return way;
    way.only_way = first.exits.size() == 1 && !first.exits[0].target;
    way.passed.push_back(left_by(first.exits));
    return way;
  }
  way.only_way = !graph.has_gaps();
  std::vector<Address> possible;
  for (const size_t index : all) {
    const std::vector<TailExit> exits = graph.exits_to_goal(index, way.only_way);
    const bool certain = index == 0 || (way.only_way && graph.is_on_all_ways(index));
    if (!certain || exits.empty()) {
      possible.push_back(graph.at(index).entry);
    } else {
      way.passed.insert(way.passed.begin(), left_by(exits));
    }
  }
  if (!possible.empty()) {
    way.only_way = false;
    way.note = describe(possible, callee_pc);
  }
  return way;
}

std::string TailCalls::describe(const std::vector<Address>& functions, Address callee_pc) {
  const auto name = [&](Address pc) {
    const std::string& known = symbols_.annotate(pc).functions.back().short_name;
    return known.empty() ? to_hex(pc) : known + "()";
  };
  std::vector<std::string> names;  // in the order of the calls
  for (const Address function : functions)
    if (names.size() < kMaxNamed) names.push_back(name(function));
  return fmt::format("{} was reached by a jump at the end of another function, possibly via {}{}",
                     name(callee_pc), fmt::join(names, " or "),
                     functions.size() > names.size() ? " or others" : "");
}

// Builds the stack with its tail calls anew.
class TailCalls::Restored {
 public:
  Restored(TailCalls& tails, Stack& stack) : tails_(tails), stack_(stack) {
    frames_.reserve(stack.frames.size() + 8);
  }

  void run() {
    const std::vector<Frame>& old = stack_.frames;
    const size_t round_end = stack_.cycle ? stack_.cycle->first + stack_.cycle->period : 0;
    for (size_t i = 0; i < old.size(); ++i) {
      if (stack_.cycle && i == stack_.cycle->first) cycle_at_ = frames_.size();
      if (stack_.omitted && i == stack_.omitted->before) omitted_at_ = frames_.size();
      frames_.push_back(old[i]);
      if (stack_.cycle && i + 1 == round_end) end_round(old[i]);
      const bool adjacent = !stack_.omitted || i + 1 != stack_.omitted->before;
      if (i + 1 < old.size() && adjacent) pass(old[i], old[i + 1], false);
    }
    if (frames_.size() != old.size()) take_over();
  }

 private:
  // The functions passed between the two. `without_registers`: those of `caller` are of another
  // round.
  void pass(const Frame& callee, const Frame& caller, bool without_registers) {
    const Way& way = tails_.between(callee, caller);
    if (!way.note.empty() && notes_.insert(way.note).second) stack_.notes.push_back({way.note, {}});
    if (inserted_ + way.passed.size() > kMaxInserted) return;
    inserted_ += way.passed.size();
    for (const Passed& passed : way.passed) {
      Frame frame;
      frame.pc = passed.end;
      frame.how = FoundBy::kTailCall;
      frame.trust = std::max(caller.trust, way.only_way ? Trust::kHigh : Trust::kMedium);
      frame.jump = passed.jump;
      frame.registers = registers_at_jump(caller, passed.end, without_registers);
      frames_.push_back(frame);
    }
  }

  // Tail calls between two rounds belong to all rounds but the last, which is then kept beside.
  void end_round(const Frame& last) {
    Cycle& cycle = *stack_.cycle;
    total_ = (frames_.size() - cycle_at_ - cycle.period) * (cycle.count - 1);
    cycle.period = frames_.size() - cycle_at_;
    if (cycle.count < 2) return;
    const std::vector<Frame> round(frames_.begin() + static_cast<ptrdiff_t>(cycle_at_),
                                   frames_.end());
    pass(last, round.front(), true);
    const size_t between = frames_.size() - cycle_at_ - cycle.period;
    if (between == 0) return;
    cycle.period += between;
    cycle.count -= 1;
    total_ += between * (cycle.count - 1);
    for (Frame frame : round) {
      frame.registers = isa::RegisterFile(frame.registers.arch());
      frame.registers.set_pc(frame.pc);
      frame.cfa.reset();
      frames_.push_back(frame);
    }
  }

  void take_over() {
    stack_.frames = std::move(frames_);
    stack_.total_frames += inserted_ + total_;
    if (stack_.omitted) stack_.omitted->before = omitted_at_;
    if (stack_.cycle) stack_.cycle->first = cycle_at_;
  }

  TailCalls& tails_;
  Stack& stack_;
  std::vector<Frame> frames_;
  std::set<std::string> notes_;
  size_t inserted_ = 0;
  size_t total_ = 0;  // those of the rounds that are not kept
  size_t cycle_at_ = 0, omitted_at_ = 0;
};

void TailCalls::restore(Stack& stack) { Restored(*this, stack).run(); }

}  // namespace inquest::process
