#include "process/flow/returns.h"

#include <algorithm>
#include <set>

namespace inquest::process {

using isa::Flow;
using isa::Instruction;

namespace {

constexpr size_t kMaxVisited = 64;

class Search {
 public:
  Search(FrameFlow& flow, std::optional<uint64_t> only) : flow_(flow), only_(only) {}

  void from(size_t at, const Spot& spot) {
    if (found_.size() >= kMaxReturned || visited_.size() >= kMaxVisited) return;
    if (!visited_.insert({at, spot}).second) return;
    const Reaching reaching = flow_.reaching(at, spot, only_);
    for (const size_t definition : reaching.at) made_by(definition, spot);
    for (const size_t call : reaching.through) add({Returned::Kind::kOther, call, 0, 0});
    if (reaching.from_entry && spot.kind == Spot::Kind::kRegister)
      add({Returned::Kind::kArgument, at, 0, spot.id});
    if (reaching.lost) add({Returned::Kind::kOther, at, 0, 0});
  }

  // A jump out of the function: what it jumps to returns for it.
  void tail_call(size_t at) { add({Returned::Kind::kCall, at, 0, 0}); }

  std::vector<Returned> take() && { return std::move(found_); }

 private:
  void add(const Returned& one) {
    if (found_.size() < kMaxReturned && std::ranges::find(found_, one) == found_.end())
      found_.push_back(one);
  }

  void constant(size_t at, uint64_t value) {
    if (!only_ || *only_ == value || (*only_ & 0xffff'ffff) == value)
      add({Returned::Kind::kConstant, at, value, 0});
  }

  void made_by(size_t at, const Spot& spot) {
    const FunctionCode& code = flow_.code();
    const Instruction& one = code[at];
    if (spot.kind == Spot::Kind::kSlot) {
      if (const auto value = stored_constant(code, at)) return constant(at, *value);
      if (one.stores_register) return from(at, Spot::in_register(*one.stores_register));
      return add({Returned::Kind::kOther, at, 0, 0});
    }
    if (one.flow == Flow::kCall) return add({Returned::Kind::kCall, at, 0, 0});
    if (one.writes.empty() || one.writes[0] != spot.id)
      return add({Returned::Kind::kOther, at, 0, 0});
    if (one.constant) return constant(at, *one.constant);
    if (one.copy_of && one.copy_bits >= 32) return from(at, Spot::in_register(*one.copy_of));
    const bool chooses = one.mnemonic.starts_with("cmov") || one.mnemonic.starts_with("csel");
    if (chooses && one.memory.empty()) {
      for (const isa::RegisterId id : one.reads) from(at, Spot::in_register(id));
      return;
    }
    if (one.loads_destination && !one.memory.empty()) {
      if (const auto slot = flow_.layout().slot(at, one.memory[0]))
        return from(at, Spot::in_slot(*slot, one.memory[0].size));
      return add({Returned::Kind::kLoad, at, 0, 0});
    }
    add({Returned::Kind::kOther, at, 0, 0});
  }

  FrameFlow& flow_;
  std::optional<uint64_t> only_;
  std::set<std::pair<size_t, Spot>> visited_;
  std::vector<Returned> found_;
};

}  // namespace

std::vector<Returned> find_sources(FrameFlow& flow, size_t at, const Spot& spot,
                                   std::optional<uint64_t> only) {
  Search search(flow, only);
  search.from(at, spot);
  return std::move(search).take();
}

std::vector<Returned> find_returns(FrameFlow& flow, std::optional<uint64_t> only) {
  const FunctionCode& code = flow.code();
  const Spot result = Spot::in_register(isa::return_register(code.arch()));
  Search search(flow, only);
  for (size_t i = 0; i < code.size(); ++i) {
    if (code[i].flow == Flow::kReturn) search.from(i, result);
    if (code[i].flow == Flow::kJump && code[i].target.direct && !code.at(*code[i].target.direct))
      search.tail_call(i);
  }
  return std::move(search).take();
}

}  // namespace inquest::process
