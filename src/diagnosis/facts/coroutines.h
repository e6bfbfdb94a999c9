// The C++20 coroutines that await those on a thread's stack.
#pragma once

#include "diagnosis/facts/facts.h"
#include "process/symbols/coroutines.h"
#include "process/symbols/symbols.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {

class CoroutineFacts {
 public:
  // Both must outlive it.
  CoroutineFacts(process::Evidence& evidence, process::Symbolizer& symbols)
      : coroutines_(evidence), symbols_(symbols) {}

  // Adds to `facts`, which describe_stack() made of `stack`. A chain is told once: not again for
  // those of its coroutines that are on the stack themselves.
  void describe(const process::Stack& stack, StackFacts& facts);
  // When the thread jumped to null with `registers`: was that to resume a coroutine that has
  // finished? Its frame is still the first argument then.
  std::optional<Fact> finished(const isa::RegisterFile& registers);

 private:
  std::optional<Address> body_at(const process::Frame& frame);
  AwaitFact describe(const process::AwaitChain& chain);
  RuntimeFrameFact describe(const process::Awaiter& awaiter);

  process::Coroutines coroutines_;
  process::Symbolizer& symbols_;
};

}  // namespace inquest::diagnosis
