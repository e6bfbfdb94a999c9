// Random registers, stack memory, code and rows: the walker must end, within bounds, whatever it
// meets.
#include "base/cursor.h"
#include "process/unwind/fake_process.h"
#include "process/unwind/scan.h"

namespace {

using namespace inquest;
using namespace inquest::process;

class Input {
 public:
  explicit Input(ByteView bytes) : cursor_(bytes) {}
  uint8_t byte() { return cursor_.u8(); }
  // A word that is often near something that matters.
  uint64_t word() {
    const uint8_t kind = cursor_.u8();
    const uint64_t small = cursor_.u16();
    switch (kind % 5) {
      case 0:
        return kText.value + small;
      case 1:
        return kStackStart.value + (small & 0x3ff) * 8;
      case 2:
        return small;
      case 3:
        return 0;
      default:
        return cursor_.u64();
    }
  }
  bool more() const { return cursor_.ok() && !cursor_.at_end(); }
  ByteView expression() { return cursor_.bytes(cursor_.u8() & 0x1f); }

 private:
  Cursor cursor_;
};

dwarf::CfiRow any_row(Input& input, isa::Arch arch) {
  dwarf::CfiRow row;
  row.return_register = arch == isa::Arch::kX86_64 ? 16 : 30;
  row.signal_frame = input.byte() % 16 == 0;
  const bool plain = input.byte() % 4 != 0;
  row.cfa = {.kind = plain ? dwarf::CfaRule::Kind::kRegister : dwarf::CfaRule::Kind::kExpression,
             .reg = static_cast<uint16_t>(plain ? input.byte() % dwarf::kMaxCfiRegister : 0),
             .offset = static_cast<int8_t>(input.byte()) * 8,
             .expression = plain ? ByteView() : input.expression()};
  for (int i = input.byte() % 5; i > 0; --i) {
    row.rules.push_back({.kind = static_cast<dwarf::RegisterRule::Kind>(input.byte() % 8),
                         .reg = static_cast<uint16_t>(input.byte() % dwarf::kMaxCfiRegister),
                         .offset = static_cast<int8_t>(input.byte()) * 8,
                         .expression = input.expression()});
  }
  return row;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(ByteView(data, size));
  const isa::Arch arch = input.byte() % 2 == 0 ? isa::Arch::kX86_64 : isa::Arch::kAArch64;
  FakeProcess process(arch, 0x2000);
  for (int i = input.byte() % 8; i > 0; --i) {
    process.cfi.add(kText + (input.byte() << 8), 0x100, any_row(input, arch));
  }
  for (int i = input.byte() % 8; i > 0; --i) {
    const Address at = kText + (input.byte() << 8 | 0x20);
    if (input.byte() % 2 == 0) {
      process.call(at, kText + (input.byte() << 8));
    } else {
      process.indirect_call(at);
    }
  }
  for (isa::RegisterId id = 0; id < isa::kRegisterCount && input.more(); ++id) {
    if (input.byte() % 4 != 0) process.registers.set(id, input.word());
  }
  for (uint64_t i = 0; i < 0x400 && input.more(); ++i)
    process.memory.put(kStackStart + 8 * i, input.word());

  const Stack stack = process.walk({.max_frames = 5'000, .max_kept = 200});
  const size_t extra = stack.cycle ? stack.cycle->period + kMaxNotes : 0;
  if (stack.frames.size() > 200 + extra + kScanWords || stack.total_frames > 5'000)
    __builtin_trap();
  if (stack.frames.empty() || stack.notes.size() > kMaxNotes + 2) __builtin_trap();
  if (stack.cycle && stack.cycle->first + stack.cycle->period > stack.frames.size())
    __builtin_trap();
  return 0;
}
