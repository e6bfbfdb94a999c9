// A line of the kernel and a program that may or may not be the one: neither is trusted.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/cursor.h"
#include "platform/os/fd.h"
#include "process/input/kernel_crash.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  constexpr size_t kHead = 8 * 8, kCode = 64;
  if (size < kHead + kCode) return 0;
  const ByteView bytes(data, size);
  const auto word = [&](size_t i) { return *load<uint64_t>(bytes, i * 8); };
  const uint64_t flags = word(0);
  process::KernelCrash crash;
  if ((flags & 1) != 0) crash.registers = isa::RegisterFile(isa::Arch::kAArch64);
  crash.signal.number = (flags & 2) != 0 ? 11 : 4;
  crash.signal.address = Address(word(1));
  crash.registers.set_pc(Address(word(2)));
  crash.registers.set_sp(Address(word(3)));
  if ((flags & 4) != 0 && word(5) != 0 && word(4) <= UINT64_MAX - word(5)) {
    crash.mapping = AddressRange{Address(word(4)), Address(word(4) + word(5))};
  }
  if ((flags & 8) != 0) crash.file_offset = word(6);
  crash.wanted = static_cast<process::KernelCrash::Wanted>(flags >> 4 & 3);
  crash.page_present = (flags & 64) != 0;
  if ((flags & 128) != 0) {
    crash.code.assign(data + kHead, data + kHead + kCode);
    crash.code_start = Address(word(7));
  }
  const os::Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  const size_t rest = size - kHead - kCode;
  if (!fd.valid() || ::write(fd.get(), data + kHead + kCode, rest) != static_cast<ssize_t>(rest))
    return 0;
  const std::string program = "/proc/self/fd/" + std::to_string(fd.get());
  crash.module = std::to_string(fd.get());
  const auto made = process::image_of_kernel_crash(crash, program, "fuzz");
  Address last;
  for (const process::Mapping& mapping : made.image.mappings) {
    INQ_CHECK(last <= mapping.range.start && mapping.range.start < mapping.range.end);
    last = mapping.range.end;
  }
  INQ_CHECK(made.image.threads.size() == 1);
  return 0;
}
