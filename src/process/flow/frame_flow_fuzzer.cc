// Any bytes as a function and as the stack it ran on: reaching definitions, values, returns and the
// resume point end in bounded time and name instructions that are there.
#include "process/flow/frame_flow.h"
#include "process/flow/resume_point.h"
#include "process/flow/returns.h"

namespace inquest::process {
namespace {

constexpr Address kCode{0x401000}, kStack{0x7fff0000};

class FrameMemory final : public MemoryReader {
 public:
  FrameMemory(ByteView code, ByteView stack) : code_(code), stack_(stack) {}
  ByteView view(Address address, uint64_t max) const override {
    for (const auto& [start, bytes] : {std::pair(kCode, code_), std::pair(kStack, stack_)}) {
      if (address < start || address - start >= bytes.size()) continue;
      const uint64_t offset = address - start;
      return bytes.subspan(offset, std::min<uint64_t>(max, bytes.size() - offset));
    }
    return {};
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }

 private:
  ByteView code_, stack_;
};

void check(const FunctionCode& code, const Reaching& found) {
  for (const size_t at : found.at)
    if (at >= code.size()) __builtin_trap();
  for (const size_t at : found.through)
    if (at >= code.size()) __builtin_trap();
}

void follow(isa::Arch arch, ByteView bytes, uint8_t where) {
  const size_t half = bytes.size() / 2;
  const FrameMemory memory(bytes.first(half), bytes.subspan(half));
  const FunctionCode code = FunctionCode::decode(arch, memory, {kCode, kCode + half + 16}, kCode);
  if (code.empty()) return;
  FrameState state;
  state.registers = isa::RegisterFile(arch);
  for (isa::RegisterId id = 0; id < 32; ++id) state.registers.set(id, bytes[id % bytes.size()]);
  state.cfa = kStack + 64;
  state.current = where % code.size();
  state.interrupted = where % 2 == 0;
  state.on_stack = true;
  FrameFlow flow(code, memory, state);
  for (isa::RegisterId id = 0; id < 32; id += 3) {
    check(code, flow.reaching(state.current, Spot::in_register(id), 0));
    (void)flow.value(state.current, id);
    (void)find_sources(flow, state.current, Spot::in_register(id), std::nullopt);
  }
  for (int64_t slot = -32; slot < 16; slot += 8)
    check(code, flow.reaching(state.current, Spot::in_slot(slot, 8), bytes[0]));
  for (const Returned& one : find_returns(flow, 0))
    if (one.at >= code.size()) __builtin_trap();
  for (size_t i = 0; i < code.size(); ++i) (void)stored_constant(code, i);
  (void)find_resume_point(arch, memory, kCode, kStack);
}

}  // namespace
}  // namespace inquest::process

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4 || size > 2048) return 0;
  const inquest::ByteView bytes(data + 2, size - 2);
  inquest::process::follow(
      data[0] % 2 == 0 ? inquest::isa::Arch::kX86_64 : inquest::isa::Arch::kAArch64, bytes,
      data[1]);
  return 0;
}
