// A minidump held in memory. What comes out must be in order, and every byte readable.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "process/input/minidump_import.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  const auto image = process::load_minidump({data, size}, "fuzz");
  if (!image.ok()) {
    INQ_CHECK(!image.error().message().empty());
    return 0;
  }
  INQ_CHECK(image->crashed_thread < image->threads.size());
  Address last;
  uint64_t sum = 0;
  for (const process::Mapping& mapping : image->mappings) {
    INQ_CHECK(last <= mapping.range.start && mapping.range.start < mapping.range.end);
    INQ_CHECK(mapping.dumped <= mapping.range.size());
    last = mapping.range.end;
    const ByteView bytes = image->memory->view(mapping.range.start, 4096);
    INQ_CHECK(bytes.empty() ==
              (image->memory->why_missing(mapping.range.start) != process::Missing::kNone));
    for (const uint8_t byte : bytes) sum += byte;
    sum += image->memory->load<uint64_t>(mapping.range.end - 4).value_or(0);
  }
  last = Address();
  for (const process::ListedModule& module : image->modules) {
    INQ_CHECK(last <= module.range.start && module.range.start < module.range.end);
    last = module.range.start;
  }
  for (const process::Thread& thread : image->threads) {
    if (const auto sp = thread.registers.sp()) {
      sum += image->memory->load_c_string(*sp, 256).value_or("").size();
    }
  }
  volatile uint64_t sink = sum;
  static_cast<void>(sink);
  return 0;
}
