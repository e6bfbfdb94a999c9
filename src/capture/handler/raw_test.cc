extern "C" {
#include "capture/handler/raw.h"
}

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

namespace {

TEST(Raw, ReadableAsksTheKernelAndChangesNothing) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  auto* pages =
      static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_EQ(munmap(pages + page, page), 0);
  const auto begin = reinterpret_cast<uintptr_t>(pages);
  sigset_t before, after;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  EXPECT_TRUE(inq_readable(begin));
  EXPECT_TRUE(inq_readable(begin + page - 1));
  EXPECT_FALSE(inq_readable(begin + page));
  EXPECT_FALSE(inq_readable(0));
  EXPECT_FALSE(inq_readable(UINTPTR_MAX));
  EXPECT_FALSE(inq_readable(uintptr_t{0xdead} << 48));
  ASSERT_EQ(mprotect(pages, page, PROT_NONE), 0);
  EXPECT_FALSE(inq_readable(begin));
  sigprocmask(SIG_SETMASK, nullptr, &after);
  for (int i = 1; i < 32; ++i) EXPECT_EQ(sigismember(&before, i), sigismember(&after, i));
  munmap(pages, page);
}

TEST(Raw, ReadableSaysNoBehindTheEndOfAFile) {
  FILE* file = tmpfile();
  void* page = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
  EXPECT_FALSE(inq_readable(reinterpret_cast<uintptr_t>(page)));
  munmap(page, 4096);
  fclose(file);
}

TEST(Raw, ErrorsAreAnswersAndErrnoIsLeftAlone) {
  errno = 77;
  EXPECT_EQ(inq_open("/nowhere/at/all", 0, 0), -ENOENT);
  EXPECT_EQ(inq_close(-1), -EBADF);
  EXPECT_EQ(errno, 77);
}

TEST(Raw, Decimal) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{9}, uint64_t{10}, UINT64_MAX}) {
    char digits[20];
    EXPECT_EQ(std::string(digits, inq_decimal(digits, value)), std::to_string(value));
  }
}

TEST(Raw, HexDigitsAreSmall) {
  const std::string digits = "0123456789abcdef";
  for (int c = 0; c < 256; ++c) {
    const size_t at = digits.find(static_cast<char>(c));
    EXPECT_EQ(inq_hex_digit(static_cast<char>(c)),
              at == std::string::npos ? -1 : static_cast<int>(at));
  }
}

TEST(Raw, ReadsFilesAsFarAsThereIsRoom) {
  char text[4096];
  const size_t size = inq_read_file("/proc/self/status", text, sizeof text);
  EXPECT_GT(size, 5U);
  EXPECT_LE(size, sizeof text);
  EXPECT_EQ(inq_read_file("/proc/self/status", text, 5), 5U);
  EXPECT_EQ(std::string(text, 5), "Name:");
  EXPECT_EQ(inq_read_file("/nowhere/at/all", text, sizeof text), 0U);
  EXPECT_EQ(inq_read_file("/", text, sizeof text), 0U);
}

}  // namespace
