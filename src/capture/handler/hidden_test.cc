extern "C" {
#include "capture/handler/hidden.h"
}

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sstream>
#include <string>

namespace {

inq_hidden read(const std::string& smaps, uint32_t filter = 0x33) {
  inq_hidden hidden{};
  hidden.filter = filter;
  std::istringstream lines(smaps);
  for (std::string line; std::getline(lines, line);) {
    line += '\n';
    inq_hidden_line(&hidden, line.data(), line.size());
  }
  return hidden;
}

TEST(Hidden, KeepsToDontDumpAndDevices) {
  const inq_hidden hidden = read(
      "1000-2000 rw-p 00000000 00:00 0 \nSize: 4 kB\nVmFlags: rd wr mr mw me dd ac \n"
      "2000-3000 rw-p 00000000 00:00 0 \nVmFlags: rd wr mr mw me ac \n"
      "3000-4000 rw-p 00000000 00:00 0 \nVmFlags: rd wr mr mw me dd\n"
      "4000-5000 r--p 00000000 00:00 0 [vvar]\nVmFlags: rd mr pf io de dd \n"
      "5000-6000 r--p 00000000 00:00 0 /ddd\nVmFlags: rd mr \n");
  EXPECT_TRUE(hidden.known);
  EXPECT_TRUE(inq_is_hidden(&hidden, 0x1000));
  EXPECT_TRUE(inq_is_hidden(&hidden, 0x1fff));
  EXPECT_FALSE(inq_is_hidden(&hidden, 0x2000));
  EXPECT_TRUE(inq_is_hidden(&hidden, 0x3000));
  EXPECT_TRUE(inq_is_hidden(&hidden, 0x4000));
  EXPECT_FALSE(inq_is_hidden(&hidden, 0x5000));
  EXPECT_EQ(hidden.count, 2U) << "neighbours are joined";
}

TEST(Hidden, KeepsToTheFilter) {
  const std::string smaps =
      "1000-2000 rw-p 00000000 00:00 0 \nVmFlags: rd\n"
      "2000-3000 rw-s 00000000 00:00 0 /dev/zero (deleted)\nVmFlags: rd\n"
      "3000-4000 rw-s 00000000 fe:00 7 /data\nVmFlags: rd\n"
      "4000-5000 r--p 00000000 fe:00 7 /bin/a\nVmFlags: rd\n";
  struct Case {
    uint32_t filter;
    bool hides[4];
  };
  for (const Case& each :
       {Case{0x33, {false, false, true, false}}, Case{0x3b, {false, false, false, false}},
        Case{0x11, {false, true, true, false}}, Case{0x32, {true, false, true, false}}}) {
    const inq_hidden hidden = read(smaps, each.filter);
    for (uintptr_t i = 0; i < 4; ++i)
      EXPECT_EQ(inq_is_hidden(&hidden, (i + 1) * 0x1000) != 0, each.hides[i])
          << each.filter << ' ' << i;
  }
}

TEST(Hidden, UnknownWithoutFlags) {
  EXPECT_FALSE(read("1000-2000 rw-p 00000000 00:00 0 \nSize: 4 kB\n").known);
}

TEST(Hidden, WhenThereIsNoRoomEverythingBehindCounts) {
  std::ostringstream smaps;
  smaps << std::hex;
  for (int i = 1; i <= kInqHiddenRanges + 1; ++i)
    smaps << i * 0x2000 << '-' << i * 0x2000 + 0x1000 << " rw-p 0 00:00 0\nVmFlags: dd\n";
  const inq_hidden hidden = read(smaps.str());
  EXPECT_TRUE(hidden.full);
  EXPECT_FALSE(inq_is_hidden(&hidden, 0x3000));
  EXPECT_TRUE(inq_is_hidden(&hidden, (kInqHiddenRanges + 1) * 0x2000));
  EXPECT_TRUE(inq_is_hidden(&hidden, 0x7fff00000000));
}

TEST(Hidden, FindsWhatThisProcessHides) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* secret = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_EQ(madvise(secret, page, MADV_DONTDUMP), 0);
  static inq_hidden hidden;
  inq_find_hidden(&hidden);
  ASSERT_TRUE(hidden.known);
  EXPECT_TRUE(inq_is_hidden(&hidden, reinterpret_cast<uintptr_t>(secret)));
  int local = 0;
  EXPECT_FALSE(inq_is_hidden(&hidden, reinterpret_cast<uintptr_t>(&local)));
  munmap(secret, page);
}

}  // namespace
