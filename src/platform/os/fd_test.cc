#include "platform/os/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "platform/os/directories.h"

namespace inquest::os {
namespace {

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST(Fd, closes_at_end_of_life_and_only_once) {
  int raw = -1;
  {
    Fd fd(::open("/dev/null", O_RDONLY));
    raw = fd.get();
    const Fd moved = std::move(fd);
    EXPECT_TRUE(is_open(raw));
    EXPECT_EQ(moved.get(), raw);
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(Fd, release_gives_ownership_up) {
  int raw = -1;
  {
    Fd fd(::open("/dev/null", O_RDONLY));
    raw = fd.release();
    EXPECT_FALSE(fd.valid());
  }
  EXPECT_TRUE(is_open(raw));
  ::close(raw);
}

TEST(OpenRegularFile, names_the_missing_path) {
  auto fd = open_regular_file("/no/such/file");
  ASSERT_FALSE(fd.ok());
  EXPECT_EQ(fd.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(fd.error().message().find("/no/such/file"), std::string::npos);
}

TEST(OpenRegularFile, refuses_devices_directories_and_fifos_without_blocking) {
  auto directory = TempDirectory::create();
  ASSERT_TRUE(directory.ok());
  const std::string fifo = directory->file("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {std::string("/dev/null"), std::string("/tmp"), fifo}) {
    auto fd = open_regular_file(path);
    ASSERT_FALSE(fd.ok()) << path;
    EXPECT_EQ(fd.error().code(), ErrorCode::kUnsupported) << path;
  }
}

TEST(OpenRegularFile, refuses_a_path_with_a_nul) {
  EXPECT_EQ(open_regular_file(std::string("/etc/passwd\0x", 13)).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST(AnonymousFile, reads_back_at_any_offset) {
  auto fd = anonymous_file();
  ASSERT_TRUE(fd.ok());
  ASSERT_TRUE(write_all(fd->get(), bytes_of("hello world")).ok());
  std::array<uint8_t, 32> buffer;
  auto got = pread_some(fd->get(), buffer, 6);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(std::string(buffer.begin(), buffer.begin() + *got), "world");
  EXPECT_EQ(*pread_some(fd->get(), buffer, 11), 0u);
  EXPECT_EQ(*pread_some(fd->get(), buffer, ~uint64_t{0}), 0u);
}

TEST(WriteAll, reports_the_error_number) {
  const Fd read_only(::open("/dev/null", O_RDONLY));
  const Status status = write_all(read_only.get(), bytes_of("x"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().sys_errno(), EBADF);
}

}  // namespace
}  // namespace inquest::os
