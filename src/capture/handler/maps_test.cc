extern "C" {
#include "capture/handler/maps.h"
}

#include <elf.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

struct Line {
  inq_mapping mapping;
  std::string path;
};

std::vector<Line> read(std::string_view text) {
  std::vector<Line> lines;
  inq_mapping mapping{};
  for (size_t at = 0; inq_next_mapping(text.data(), text.size(), &at, &mapping) != 0;)
    lines.push_back({mapping, std::string(mapping.path, mapping.path_length)});
  return lines;
}

TEST(Maps, ReadsWhatTheKernelWrites) {
  const auto lines = read(
      "55aa0000-55aa1000 r-xp 00001000 fe:01 1234                       /usr/bin/a b (deleted)\n"
      "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
      "7ffc0000-7ffd0000 rw-s 00000000 00:00 0                          [stack]\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]\n");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].mapping.begin, 0x55aa0000U);
  EXPECT_EQ(lines[0].mapping.end, 0x55aa1000U);
  EXPECT_EQ(lines[0].mapping.offset, 0x1000U);
  EXPECT_EQ(lines[0].mapping.protect, static_cast<uint32_t>(PF_R | PF_X));
  EXPECT_TRUE(lines[0].mapping.is_file);
  EXPECT_FALSE(lines[0].mapping.is_shared);
  EXPECT_EQ(lines[0].path, "/usr/bin/a b (deleted)");
  EXPECT_EQ(lines[1].path, "");
  EXPECT_FALSE(lines[1].mapping.is_file);
  EXPECT_TRUE(lines[2].mapping.is_shared);
  EXPECT_EQ(lines[2].path, "[stack]");
  EXPECT_FALSE(lines[2].mapping.is_file);
  EXPECT_EQ(lines[3].mapping.end, 0xffffffffff601000U);
}

TEST(Maps, PassesOverWhatIsNoMapping) {
  const auto lines = read(
      "\n"
      "VmFlags: rd wr\n"
      "Size:  4 kB\n"
      "1000 r--p 0 0:0 0\n"
      "2000-1000 r--p 0 0:0 0\n"
      "1000-2000 rxwp 0 0:0 0\n"
      "12345678901234567-2 r--p 0 0:0 0\n"
      "1000-2000 r--\n"
      "3000-4000 ---p 00000000 00:00 0\n");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].mapping.begin, 0x3000U);
}

TEST(Maps, LeavesOutALineThatIsCutOff) {
  EXPECT_EQ(read("1000-2000 r--p 0 0:0 0 /a\n3000-4000 r--p 0 0:0 0 /b").size(), 1U);
}

TEST(Maps, KeepsOnlyWhatHasAName) {
  std::string text =
      "1000-2000 r--p 00000000 00:00 0 \n"
      "2000-3000 r-xp 00000000 fe:01 9                          /lib/a\n"
      "3000-4000 r--p 00000000 00:00 0 \n"
      "4000-5000 rw-p 00000000 00:00 0                          [stack]\n"
      "5000-60";
  text.resize(inq_keep_named(text.data(), text.size()));
  EXPECT_EQ(text,
            "2000-3000 r-xp 00000000 fe:01 9                          /lib/a\n"
            "4000-5000 rw-p 00000000 00:00 0                          [stack]\n"
            "5000-60");
}

}  // namespace
