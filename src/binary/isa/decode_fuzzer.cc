// Any bytes as instructions of both architectures: what comes out is consistent with itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "binary/isa/describe.h"

namespace {

using namespace inquest;
using namespace inquest::isa;

void check_facts(const Instruction& in) {
  const bool has_destination = !in.writes.empty();
  INQ_CHECK(!in.copy_of || has_destination);
  INQ_CHECK(!in.constant || has_destination);
  INQ_CHECK(!in.address_of || has_destination);
  INQ_CHECK(!in.loads_destination || (has_destination && !in.memory.empty()));
  INQ_CHECK(!in.divides || in.divisor_register || !in.memory.empty());
  INQ_CHECK(in.copy_bits >= 1 && in.copy_bits <= 64);
  for (RegisterId id : in.reads) INQ_CHECK(id < kRegisterCount);
  for (RegisterId id : in.writes) INQ_CHECK(id < kRegisterCount);
}

void check_flow(const Instruction& in) {
  const int targets = int{in.target.direct.has_value()} +
                      int{in.target.through_register.has_value()} + int{in.target.through_memory};
  const bool goes_elsewhere =
      in.flow == Flow::kCall || in.flow == Flow::kJump || in.flow == Flow::kBranch;
  // A64's `br xzr` goes through no register at all.
  INQ_CHECK(goes_elsewhere ? targets <= 1 : targets == 0);
  INQ_CHECK(!in.target.through_memory || (!in.memory.empty() && !in.memory[0].implicit));
}

void check_one(Arch arch, ByteView code, Address pc) {
  const auto in = decode(arch, code, pc);
  if (!in) return;
  INQ_CHECK(in->length >= 1 && in->length <= std::min(kMaxInstructionLength, code.size()));
  INQ_CHECK(!in->mnemonic.empty() && !in->text.empty());
  check_facts(*in);
  check_flow(*in);
  RegisterFile registers(arch);
  for (RegisterId id = 0; id < kRegisterCount; ++id) registers.set(id, ~uint64_t{id});
  for (const auto& operand : in->memory) {
    INQ_CHECK(operand.inexact || operand.effective_address(registers, in->next_pc()).has_value());
  }
  INQ_CHECK(!describe(arch, *in).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView code(data, size);
  for (Arch arch : {Arch::kX86_64, Arch::kAArch64}) {
    for (size_t at = 0; at < std::min<size_t>(size, 64); ++at) {
      check_one(arch, code.subspan(at), Address(0xffff'ffff'ffff'fff0 + at));
    }
    (void)follows_call(arch, code, Address(0x1000));
  }
  return 0;
}
