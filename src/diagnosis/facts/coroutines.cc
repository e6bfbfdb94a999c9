#include "diagnosis/facts/coroutines.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "diagnosis/facts/frames.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxFramesAsked = 256;  // of one stack

// Languages without such coroutines need not be asked.
bool may_be_cxx(const process::SourceFrame& function) {
  if (function.linkage_name.starts_with("_R")) return false;
  if (!function.location) return true;
  for (const std::string_view ending : {".c", ".rs", ".go", ".S", ".s", ".asm"}) {
    if (function.location->file.ends_with(ending)) return false;
  }
  return true;
}

}  // namespace

// The start of the function, when that may be a coroutine's body. Where only the symbol table names
// it, that has said so; debug information calls all parts of a coroutine alike.
std::optional<Address> CoroutineFacts::body_at(const process::Frame& frame) {
  const process::AnnotatedFrame& annotated = symbols_.annotate(frame.lookup_pc());
  const process::SourceFrame& function = annotated.functions.back();
  if (annotated.module == nullptr || function.function_start == 0 || !may_be_cxx(function))
    return std::nullopt;
  const bool described = function.source == process::NameSource::kDwarf;
  if (!described && !process::coroutine_symbol(function.linkage_name)) return std::nullopt;
  return annotated.module->to_process(function.function_start);
}

void CoroutineFacts::describe(const process::Stack& stack, StackFacts& facts) {
  std::vector<std::pair<size_t, Address>> bodies;
  const size_t frames = std::min({stack.frames.size(), facts.frames.size(), kMaxFramesAsked});
  std::vector<Address> starts;
  for (size_t i = 0; i < frames; ++i) {
    if (const auto start = body_at(stack.frames[i])) {
      bodies.emplace_back(i, *start);
      starts.push_back(*start);
    }
  }
  coroutines_.prepare(std::move(starts));
  std::set<Address> told;
  for (const auto& [index, start] : bodies) {
    const auto chain = coroutines_.chain(stack, index, start);
    if (!chain || told.contains(chain->frame.address)) continue;
    for (const process::Awaiter& awaiter : chain->awaiters) told.insert(awaiter.frame.address);
    facts.frames[index].awaited = describe(*chain);
  }
}

std::optional<Fact> CoroutineFacts::finished(const isa::RegisterFile& registers) {
  const auto id = isa::argument_register(registers.arch(), 0);
  const auto value = id ? registers.get(*id) : std::nullopt;
  if (!value || !registers.pc() || !registers.pc()->is_null()) return std::nullopt;
  const auto frame = coroutines_.frame_at(Address(*value));
  if (!frame || !frame->finished) return std::nullopt;
  Fact fact{.statement = fmt::format("{} had finished when it was resumed", frame->function),
            .evidence = {}};
  const std::string where = to_hex(frame->address);
  fact.evidence.push_back(
      {Evidence::Kind::kRegister,
       fmt::format("{} = {}, the frame of {}", isa::register_name(registers.arch(), *id), where,
                   frame->function),
       std::nullopt, std::nullopt});
  fact.evidence.push_back(
      {Evidence::Kind::kMemory,
       fmt::format("its resume pointer, at {}, is null, and its destroy pointer "
                   "is not: it stands behind its last await",
                   where),
       frame->address, std::nullopt});
  return fact;
}

AwaitFact CoroutineFacts::describe(const process::AwaitChain& chain) {
  AwaitFact fact{.coroutine = chain.frame.function, .end = chain.end};
  if (!chain.frame.address.is_null()) fact.address = chain.frame.address;
  const process::CoroutineFrame* awaited = &chain.frame;
  for (const process::Awaiter& awaiter : chain.awaiters) {
    fact.awaiters.push_back(describe(awaiter));
    fact.evidence.push_back(
        {Evidence::Kind::kMemory,
         fmt::format("{} of the frame of {}: {}, the frame of {}",
                     awaiter.is_guess ? awaiter.member : "`" + awaiter.member + "`",
                     awaited->function, to_hex(awaiter.frame.address), awaiter.frame.function),
         awaiter.held_at, std::nullopt});
    awaited = &awaiter.frame;
  }
  return fact;
}

RuntimeFrameFact CoroutineFacts::describe(const process::Awaiter& awaiter) {
  RuntimeFrameFact fact{.language = "C++", .function = awaiter.frame.function};
  uint32_t first_line = 0;
  if (awaiter.frame.resume) {
    const process::AnnotatedFrame& start = symbols_.annotate(*awaiter.frame.resume);
    const FunctionFact body = describe_function(start.functions.back(), start);
    fact.role = body.role;
    fact.file = body.file;
    first_line = body.line;
  }
  // The first instructions may belong to no line, or to the coroutine's first.
  for (const Address pc : awaiter.goes_on) {
    const process::AnnotatedFrame& annotated = symbols_.annotate(pc);
    const FunctionFact body = describe_function(annotated.functions.back(), annotated);
    if (body.line == 0 || (fact.line != 0 && body.line == first_line)) continue;
    fact.file = body.file;
    fact.line = body.line;
    fact.column = body.column;
    if (body.line != first_line) break;
  }
  if (awaiter.frame.finished) {
    fact.gap = "it has finished";
  } else if (awaiter.is_guess) {
    fact.gap = "without debug information: the two frames hold each other's address";
  }
  return fact;
}

}  // namespace inquest::diagnosis
