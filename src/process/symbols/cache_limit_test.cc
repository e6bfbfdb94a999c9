#include "process/symbols/cache_limit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "platform/os/directories.h"
#include "platform/os/file.h"

namespace inquest::process {
namespace {

constexpr uint64_t kFile = 64 * 1024;

class CacheLimitTest : public ::testing::Test {
 protected:
  CacheLimitTest() : directory_(std::move(*os::TempDirectory::create())) {}

  std::string add(const std::string& name, time_t age) {
    const std::string path = directory_.file(name);
    EXPECT_TRUE(os::make_directories(path.substr(0, path.rfind('/'))).ok());
    EXPECT_TRUE(os::write_file_atomic(path, Bytes(kFile, 1)).ok());
    set_age(path, age);
    return path;
  }
  static void set_age(const std::string& path, time_t age) {
    const timespec then{time(nullptr) - age, 0};
    const timespec times[] = {then, then};
    EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  static time_t age(const std::string& path) {
    struct stat status = {};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return time(nullptr) - status.st_mtime;
  }
  os::TempDirectory directory_;
};

TEST_F(CacheLimitTest, DeletesWhatWasNotUsedForLongest) {
  const std::string old = add("aa/1.idx", 5000);
  const std::string older = add("bb/2.idx", 9000);
  const std::string fresh = add("aa/3.idx", 10);
  const std::string other = add("aa/readme", 99999);
  limit_cache(directory_.path(), 3 * kFile);
  EXPECT_TRUE(os::is_regular_file(older));  // not over the limit
  limit_cache(directory_.path(), 3 * kFile - 1);
  EXPECT_FALSE(os::is_regular_file(older));
  EXPECT_TRUE(os::is_regular_file(old));
  EXPECT_TRUE(os::is_regular_file(fresh));
  EXPECT_TRUE(os::is_regular_file(other));  // none of ours
}

TEST_F(CacheLimitTest, ClearsUpAfterKilledWriters) {
  const std::string dead = add("aa/1.idx.4711", 5000);
  const std::string writing = add("aa/1.idx.4712", 5);
  limit_cache(directory_.path(), 100 * kFile);
  EXPECT_FALSE(os::is_regular_file(dead));
  EXPECT_TRUE(os::is_regular_file(writing));
}

TEST_F(CacheLimitTest, LooksOnceAnHour) {
  const std::string index = add("aa/1.idx", 5000);
  limit_cache_sometimes(directory_.path(), 1);
  EXPECT_TRUE(os::is_regular_file(index));  // the clock starts
  limit_cache_sometimes(directory_.path(), 1);
  EXPECT_TRUE(os::is_regular_file(index));
  set_age(directory_.file("limited"), 4000);
  limit_cache_sometimes(directory_.path(), 1);
  EXPECT_FALSE(os::is_regular_file(index));
}

TEST_F(CacheLimitTest, RemembersUseByTheDay) {
  const std::string index = add("aa/1.idx", 5000);
  mark_used(index);
  EXPECT_GE(age(index), 5000);
  set_age(index, 100000);
  mark_used(index);
  EXPECT_LT(age(index), 100);
}

TEST_F(CacheLimitTest, LivesWithoutADirectory) {
  limit_cache(directory_.file("none"), 1);
  limit_cache_sometimes(directory_.file("none"), 1);
  mark_used(directory_.file("none"));
  EXPECT_FALSE(os::is_directory(directory_.file("none")));
}

}  // namespace
}  // namespace inquest::process
