#include "capture/record/live_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

namespace inquest::capture {
namespace {

// Of this process: three pages of which the first is a guard, as below a thread's stack.
struct Guarded : testing::Test {
  static constexpr int kInstallGuard = 102;  // MADV_GUARD_INSTALL: Linux 6.13
  static constexpr uint64_t kSize = 3 * kPage;

  void SetUp() override {
    memory = static_cast<uint8_t*>(
        ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(memory, MAP_FAILED);
    std::memset(memory, 0x5a, kSize);
    if (::madvise(memory, kPage, kInstallGuard) != 0)
      GTEST_SKIP() << "this kernel has no guards within a mapping";
  }
  void TearDown() override { ::munmap(memory, kSize); }

  uint8_t* memory = nullptr;
  os::Fd mem{::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)};
  os::Fd pagemap{::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
};

TEST_F(Guarded, PagesBelowAStackAreMissingAndTheRestIsRead) {
  LiveMapping mapping;
  const Address start(reinterpret_cast<uintptr_t>(memory));
  mapping.range = {start, start + kSize};
  mapping.read = mapping.write = true;
  const std::vector<LiveMapping> mappings = {mapping};
  const std::map<uint64_t, MappingFlags> flags;
  const PageStore kept;
  auto touched = TouchedPages::create(16);
  ASSERT_TRUE(touched.ok());
  const auto live = LiveMemory::create({.mappings = mappings,
                                        .filter = 0x33,
                                        .flags = flags,
                                        .mem = mem.get(),
                                        .pagemap = pagemap.get(),
                                        .kept = kept},
                                       *touched);
  ASSERT_TRUE(live.ok());
  EXPECT_TRUE((*live)->view(start, 8).empty());
  EXPECT_EQ((*live)->why_missing(start), process::Missing::kNotDumped);
  const ByteView rest = (*live)->view(start + kPage, kSize);
  ASSERT_EQ(rest.size(), 2 * kPage);
  EXPECT_EQ(rest[0], 0x5a);
  EXPECT_EQ(rest[2 * kPage - 1], 0x5a);
}

}  // namespace
}  // namespace inquest::capture
