// The JavaScript frames of one stack.
//
// A frame of JavaScript has its frame pointer's word for the caller's, above the return address;
// below it the context and the function; an interpreted one the bytecode and how far it got.
// Source: src/execution/frame-constants.h of V8.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "process/runtime/runtime.h"
#include "process/runtime/v8/baseline.h"
#include "process/runtime/v8/code.h"
#include "process/runtime/v8/functions.h"
#include "process/runtime/v8/values.h"

namespace inquest::process::v8 {

class FrameReader {
 public:
  // `constants` are the bytes of V8's own constants, where its table of bytecode sizes is.
  FrameReader(const Heap& heap, ByteView constants)
      : heap_(heap), functions_(heap), values_(heap, functions_), constants_(constants) {}

  // What runs at `pc` in the frame at `fp`, innermost first. `is_return`: pc is a return address.
  // `in_builtin`: pc lies in code that came with V8, not in code that it made. nullopt: no frame of
  // JavaScript.
  std::optional<std::vector<RuntimeFrame>> read(Address fp, Address pc, bool is_return,
                                                bool in_builtin);

  const Functions& functions() const { return functions_; }

 private:
  RuntimeFrame describe(const Function& function, std::optional<uint32_t> offset);
  void interpreted(Address fp, Word bytecodes, const Function& function,
                   std::vector<RuntimeFrame>& frames);
  void compiled(Address fp, Address pc, bool is_return, const Function& function,
                std::vector<RuntimeFrame>& frames);
  std::optional<uint32_t> position_of(Word bytecodes, uint64_t offset) const;
  Result<uint32_t> baseline_position(const Code& code, Word bytecodes, Address pc);
  // The word at `slot`, bytes from the frame pointer, of which most are below it.
  Result<Word> in_frame(Address fp, int32_t slot) const;
  std::optional<Word> bytecodes_of(Address fp) const;

  const Heap& heap_;
  Functions functions_;
  Values values_;
  ByteView constants_;
  bool sizes_searched_ = false;
  std::optional<BytecodeSizes> sizes_;
};

}  // namespace inquest::process::v8
