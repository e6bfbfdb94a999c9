#include "diagnosis/facts/origin_recursion.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/call_arguments.h"

namespace inquest::diagnosis {

using isa::RegisterId;
using process::Spot;

namespace {

constexpr size_t kMaxCycle = 8;    // functions that call each other in turn
constexpr size_t kMaxLinks = 512;  // objects

class Recursion {
 public:
  Recursion(OriginCode& code, OriginTrace& trace, const Facts& facts)
      : code_(code), trace_(trace), facts_(facts) {}

  // The stack is full of calls of the function to itself.
  bool goes_round() const {
    if (!facts_.fault || !facts_.fault->stack_pointer_in_guard) {
      const auto& address = facts_.fault ? facts_.fault->address_facts : std::nullopt;
      if (!address || !address->has(AddressTrait::kGuardPage)) return false;
    }
    return recursion().has_value();
  }

  // Which pointer does the recursion go along, who sets it, and does it lead round in a circle?
  void blame() {
    for (size_t frame = *facts_.open_frame() + 1; frame <= *recursion(); ++frame) {
      FunctionBody* body = code_.of_frame(frame);
      if (body == nullptr || body->code()[body->current()].flow != isa::Flow::kCall) continue;
      for (unsigned n = 0; n < kRegisterArguments; ++n) {
        const auto id = isa::argument_register(code_.site().arch(), n);
        if (!id) break;
        const auto sources = process::find_sources(body->flow(), body->current(),
                                                   Spot::in_register(*id), std::nullopt);
        if (sources.size() == 1 && sources[0].kind == process::Returned::Kind::kLoad)
          blame_link(*body, sources[0].at, *id);
      }
    }
  }

 private:
  // The frame whose call entered the innermost function of the program again.
  std::optional<size_t> recursion() const {
    const auto& frames = facts_.crashing.frames;
    const auto function = [&](size_t i) {
      return frames[i].functions.empty() ? std::string() : frames[i].functions.back().short_name;
    };
    const std::string& own = function(*facts_.open_frame());
    const size_t end = std::min(frames.size(), *facts_.open_frame() + 1 + kMaxCycle);
    for (size_t i = *facts_.open_frame() + 1; i < end; ++i)
      if (!own.empty() && function(i) == own) return i;
    return std::nullopt;
  }

  // The object that the innermost call was given, or the one that this call passes.
  std::optional<uint64_t> start_of_walk(FunctionBody& body, size_t load, RegisterId argument) {
    if (FunctionBody* inner = code_.of_frame(*facts_.open_frame())) {
      const auto entry = inner->code().at(inner->code().entry());
      for (const size_t at : {entry.value_or(inner->current()), inner->current()})
        if (const auto given = inner->flow().value(at, argument)) return given;
    }
    const auto address = body.flow().address(load, body.code()[load].memory[0]);
    return address ? code_.site().modules.memory().load<uint64_t>(*address) : std::nullopt;
  }

  void blame_link(FunctionBody& body, size_t load, RegisterId argument) {
    const isa::MemoryOperand& link = body.code()[load].memory[0];
    if (!link.base || link.index || link.size != 8) return;
    const auto first = start_of_walk(body, load, argument);
    const auto length = first ? circle(*first, link.displacement) : std::nullopt;
    trace_.blame_all_writers(
        body, load, 0, length ? Reason::kLinks : Reason::kSetsOthers,
        length ? fmt::format("along which the recursion goes: it leads round in a circle of {}",
                             *length)
               : "along which the recursion goes");
  }

  // After how many links, each `offset` bytes in its object, the way comes back.
  std::optional<size_t> circle(uint64_t first, int64_t offset) {
    std::vector<uint64_t> met;
    std::optional<uint64_t> at = first;
    while (at && *at != 0 && met.size() < kMaxLinks) {
      const auto same = std::ranges::find(met, *at);
      if (same != met.end()) return static_cast<size_t>(met.end() - same);
      met.push_back(*at);
      at = code_.site().modules.memory().load<uint64_t>(
          Address(*at + static_cast<uint64_t>(offset)));
    }
    return std::nullopt;
  }

  OriginCode& code_;
  OriginTrace& trace_;
  const Facts& facts_;
};

}  // namespace

bool blame_recursion(OriginCode& code, OriginTrace& trace, const Facts& facts) {
  Recursion recursion(code, trace, facts);
  if (!recursion.goes_round()) return false;
  recursion.blame();
  return true;
}

}  // namespace inquest::diagnosis
