#include "platform/os/file.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "platform/os/directories.h"

namespace inquest::os {
namespace {

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

size_t entries_in(const std::string& directory) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    count += entry.path().empty() ? 0 : 1;
  }
  return count;
}

TEST(ReadFile, the_cap_is_inclusive) {
  auto directory = TempDirectory::create();
  ASSERT_TRUE(write_file_atomic(directory->file("a"), bytes_of("12345")).ok());
  EXPECT_EQ(*read_file(directory->file("a"), 5), bytes_of("12345"));
  auto over = read_file(directory->file("a"), 4);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code(), ErrorCode::kTooLarge);
}

TEST(ReadFile, reads_proc_files_that_claim_to_be_empty) {
  auto text = read_text_file("/proc/self/status", 1 << 20);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("Pid:"), std::string::npos);
  EXPECT_EQ(read_text_file("/proc/self/status", 10).error().code(), ErrorCode::kTooLarge);
}

TEST(WriteFileAtomic, replaces_and_leaves_nothing_behind) {
  auto directory = TempDirectory::create();
  const std::string path = directory->file("a");
  ASSERT_TRUE(write_file_atomic(path, bytes_of("old")).ok());
  ASSERT_TRUE(write_file_atomic(path, bytes_of("new")).ok());
  EXPECT_EQ(*read_text_file(path, 100), "new");
  EXPECT_EQ(entries_in(directory->path()), 1u);
  struct stat info = {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0644u);
}

TEST(WriteFileAtomic, failure_names_the_path_and_leaves_nothing_behind) {
  auto directory = TempDirectory::create();
  const std::string taken = directory->file("directory");
  ASSERT_TRUE(make_directories(taken).ok());
  const Status status =
      write_file_atomic(taken, bytes_of("x"));  // a file cannot replace a directory
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find(taken), std::string::npos);
  EXPECT_EQ(entries_in(directory->path()), 1u);
}

TEST(WriteFileAtomic, a_reader_never_sees_a_half) {
  auto directory = TempDirectory::create();
  const std::string path = directory->file("a");
  const Bytes ones(100'000, 1);
  const Bytes twos(200'000, 2);
  ASSERT_TRUE(write_file_atomic(path, ones).ok());
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(write_file_atomic(path, writer == 0 ? ones : twos).ok());
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto seen = read_file(path, 1 << 20);
    ASSERT_TRUE(seen.ok());
    EXPECT_TRUE(*seen == ones || *seen == twos);
  }
  for (std::thread& writer : writers) writer.join();
}

TEST(Directories, xdg_wins_over_home_and_relative_values_are_ignored) {
  ::setenv("HOME", "/home/someone", 1);
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(cache_directory(), "/home/someone/.cache/inquest");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(cache_directory(), "/home/someone/.cache/inquest");
  ::setenv("XDG_CACHE_HOME", "/var/cache/x", 1);
  EXPECT_EQ(cache_directory(), "/var/cache/x/inquest");
}

TEST(Directories, make_directories_is_idempotent_and_refuses_a_file_in_the_way) {
  auto directory = TempDirectory::create();
  const std::string deep = directory->file("a/b/c");
  ASSERT_TRUE(make_directories(deep).ok());
  ASSERT_TRUE(make_directories(deep + "/").ok());
  EXPECT_TRUE(is_directory(deep));
  ASSERT_TRUE(write_file_atomic(deep + "/file", bytes_of("x")).ok());
  EXPECT_FALSE(make_directories(deep + "/file").ok());
  EXPECT_FALSE(make_directories(deep + "/file/below").ok());
}

TEST(TempDirectoryTest, removes_its_content) {
  std::string path;
  {
    auto directory = TempDirectory::create();
    ASSERT_TRUE(directory.ok());
    path = directory->path();
    ASSERT_TRUE(make_directories(directory->file("a/b")).ok());
    ASSERT_TRUE(write_file_atomic(directory->file("a/b/c"), bytes_of("x")).ok());
    EXPECT_TRUE(is_directory(path));
  }
  EXPECT_FALSE(is_directory(path));
}

}  // namespace
}  // namespace inquest::os
