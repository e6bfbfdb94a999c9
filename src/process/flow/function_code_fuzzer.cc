// Any bytes as a function: decoding, linking and searching backwards end in bounded time.
#include "process/flow/function_code.h"

namespace inquest::process {
namespace {

class CodeMemory final : public MemoryReader {
 public:
  explicit CodeMemory(ByteView code) : code_(code) {}
  ByteView view(Address address, uint64_t max) const override {
    if (address < kStart || address - kStart >= code_.size()) return {};
    const uint64_t offset = address - kStart;
    return code_.subspan(offset, std::min<uint64_t>(max, code_.size() - offset));
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }
  static constexpr Address kStart{0x401000};

 private:
  ByteView code_;
};

void search(isa::Arch arch, ByteView code) {
  const CodeMemory memory(code);
  const AddressRange range{CodeMemory::kStart, CodeMemory::kStart + code.size() + 16};
  const auto function = FunctionCode::decode(arch, memory, range, range.start);
  if (function.empty()) return;
  for (isa::RegisterId id = 0; id < 32; ++id) {
    const auto found = function.definitions(function.size() - 1, id);
    for (const size_t at : found.at)
      if (at >= function.size()) __builtin_trap();
  }
}

}  // namespace
}  // namespace inquest::process

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 8192) return 0;
  const inquest::ByteView code(data + 1, size - 1);
  inquest::process::search(
      data[0] % 2 == 0 ? inquest::isa::Arch::kX86_64 : inquest::isa::Arch::kAArch64, code);
  return 0;
}
