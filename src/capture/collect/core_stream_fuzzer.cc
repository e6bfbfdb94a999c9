// What comes over the connection instead of a core.
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "capture/collect/core_stream.h"
#include "platform/os/fd.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  const os::Fd file(memfd_create("core", MFD_CLOEXEC));
  if (!file.valid() || !os::write_all(file.get(), {data, size}).ok()) return 0;
  lseek(file.get(), 0, SEEK_SET);
  capture::CoreStream stream(file.get());
  if (!stream.read_head().ok()) return 0;
  static_cast<void>(stream
                        .pump(std::chrono::steady_clock::now() + std::chrono::seconds(1),
                              [](ByteView) { return Status(); })
                        .ok());
  return 0;
}
