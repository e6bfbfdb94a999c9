#include "diagnosis/facts/origin_fills.h"

#include <algorithm>
#include <deque>
#include <set>

#include "diagnosis/facts/call_arguments.h"
#include "process/flow/returns.h"

namespace inquest::diagnosis {

using isa::Flow;
using isa::Instruction;
using isa::RegisterId;
using process::Returned;
using process::Spot;

namespace {

constexpr int kMaxDepth = 2;
constexpr size_t kMaxAsked = 48;   // instructions of one function whose address is traced
constexpr size_t kMaxBehind = 12;  // instructions behind a call that may look at its result

struct Wanted {
  RegisterId argument;
  int64_t offset = 0;
  uint32_t size = 0;
};

// `id` before `at` as the argument plus a constant; nullopt when it is something else.
std::optional<int64_t> distance(process::FrameFlow& flow, size_t at, RegisterId id,
                                RegisterId argument) {
  int64_t sum = 0;
  for (int step = 0; step < 4; ++step) {
    const auto sources = process::find_sources(flow, at, Spot::in_register(id), std::nullopt);
    if (sources.size() != 1) {
      // A loop moves it on: it still began with the argument.
      const bool begins = std::ranges::any_of(sources, [&](const Returned& one) {
        return one.kind == Returned::Kind::kArgument && one.argument == argument;
      });
      return begins ? std::optional(sum) : std::nullopt;
    }
    if (sources[0].kind == Returned::Kind::kArgument)
      return sources[0].argument == argument ? std::optional(sum) : std::nullopt;
    const Instruction& one = flow.code()[sources[0].at];
    if (sources[0].kind != Returned::Kind::kOther || !one.address_of || one.address_of->index ||
        !one.address_of->base)
      return std::nullopt;
    sum += one.address_of->displacement;
    at = sources[0].at;
    id = *one.address_of->base;
  }
  return std::nullopt;
}

bool covers(const isa::MemoryOperand& operand, int64_t distance, const Wanted& wanted) {
  if (operand.index) return true;
  const int64_t start = distance + operand.displacement;
  const int64_t end = start + static_cast<int64_t>(std::max<uint32_t>(operand.size, 1));
  return start < wanted.offset + static_cast<int64_t>(wanted.size) && wanted.offset < end;
}

class Search {
 public:
  Search(OriginCode& code, FunctionBody& body, const Wanted& wanted, int depth)
      : code_(code), body_(body), wanted_(wanted), depth_(depth) {}

  Fills answer() {
    std::set<size_t> writers;
    bool unknown = false, partly = false;
    for (size_t i = 0; i < body_.code().size(); ++i) {
      if (asked_ > kMaxAsked) return Fills::kUnknown;
      if (writes(i)) {
        writers.insert(i);
        continue;
      }
      const Fills inner = body_.code()[i].flow == Flow::kCall ? by_callee(i) : Fills::kNever;
      if (inner == Fills::kAlways) writers.insert(i);
      unknown = unknown || inner == Fills::kUnknown;
      partly = partly || inner == Fills::kSometimes;
    }
    if (writers.empty())
      return partly ? Fills::kSometimes : unknown ? Fills::kUnknown : Fills::kNever;
    return has_way_around(body_.code(), writers) ? Fills::kSometimes : Fills::kAlways;
  }

 private:
  bool writes(size_t at) {
    for (const isa::MemoryOperand& operand : body_.code()[at].memory) {
      if (operand.access == isa::Access::kRead || operand.access == isa::Access::kExecute ||
          !operand.base || body_.flow().layout().slot(at, operand))
        continue;
      ++asked_;
      const auto from = distance(body_.flow(), at, *operand.base, wanted_.argument);
      if (from && covers(operand, *from, wanted_)) return true;
    }
    return false;
  }

  // The address goes on to a callee.
  Fills by_callee(size_t call) {
    const Instruction& one = body_.code()[call];
    for (unsigned n = 0; n < kRegisterArguments; ++n) {
      const auto id = isa::argument_register(body_.code().arch(), n);
      if (!id) break;
      const auto made = body_.code().definitions(call, *id);
      if (made.at.empty() && !made.from_entry) continue;
      ++asked_;
      const auto from = distance(body_.flow(), call, *id, wanted_.argument);
      if (!from || *from > wanted_.offset) continue;
      if (!one.target.direct || depth_ >= kMaxDepth) return Fills::kUnknown;
      const Address entry = code_.through_stub(*one.target.direct);
      if (!code_.is_program_code(entry)) return Fills::kSometimes;
      FunctionBody* callee = code_.at(entry);
      if (callee == nullptr || callee == &body_) return Fills::kUnknown;
      return Search(code_, *callee, {*id, wanted_.offset - *from, wanted_.size}, depth_ + 1)
          .answer();
    }
    return Fills::kNever;
  }

  OriginCode& code_;
  FunctionBody& body_;
  Wanted wanted_;
  int depth_;
  size_t asked_ = 0;
};

}  // namespace

Fills fills(OriginCode& code, Address entry, RegisterId argument, int64_t offset, uint32_t size) {
  FunctionBody* body = code.at(entry);
  if (body == nullptr) return Fills::kUnknown;
  return Search(code, *body, {argument, offset, std::max<uint32_t>(size, 1)}, 0).answer();
}

bool has_way_around(const process::FunctionCode& code, const std::set<size_t>& places) {
  std::set<size_t> seen;
  std::deque<size_t> waiting;
  for (size_t i = 0; i < code.size(); ++i)
    if (code[i].flow == Flow::kReturn && !places.contains(i)) waiting.push_back(i);
  while (!waiting.empty()) {
    const size_t at = waiting.front();
    waiting.pop_front();
    if (!seen.insert(at).second) continue;
    if (code[at].pc == code.entry()) return true;
    for (const size_t source : code.predecessors(at))
      if (!places.contains(source)) waiting.push_back(source);
  }
  return false;
}

bool ignores_result(const process::FunctionCode& code, size_t call) {
  const RegisterId result = isa::return_register(code.arch());
  for (size_t i = call + 1; i < std::min(call + 1 + kMaxBehind, code.size()); ++i) {
    const Instruction& one = code[i];
    const bool clears = one.constant.has_value();  // xor eax, eax reads nothing
    if (!clears && std::ranges::find(one.reads, result) != one.reads.end()) return false;
    if (std::ranges::find(one.writes, result) != one.writes.end()) return true;
    if (one.flow == Flow::kCall) return true;
    if (one.flow != Flow::kNext) return false;
  }
  return false;
}

}  // namespace inquest::diagnosis
