#include "binary/isa/a64.h"
namespace inquest::isa {
Result<Instruction> decode_a64(ByteView, Address) {
  return Error(ErrorCode::kUnsupported, "AArch64 instructions are not decoded yet");
}
bool follows_call_a64(ByteView before) {
  const auto word = before.size() < 4 ? std::nullopt : load<uint32_t>(before, before.size() - 4);
  if (!word) return false;
  const bool bl = (*word & 0xfc000000) == 0x94000000;
  const bool blr = (*word & 0xfffffc1f) == 0xd63f0000;
  const bool blra = (*word & 0xfefff800) == 0xd63f0800;
  return bl || blr || blra;
}
}  // namespace inquest::isa
