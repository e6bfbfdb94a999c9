#include "platform/os/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "platform/os/sparse.h"

namespace inquest::os {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

class MappedFileTest : public testing::Test {
 protected:
  void SetUp() override {
    auto directory = TempDirectory::create();
    ASSERT_TRUE(directory.ok());
    directory_.emplace(std::move(*directory));
  }
  std::string file(const std::string& name) { return directory_->file(name); }

  std::optional<TempDirectory> directory_;
};

TEST_F(MappedFileTest, shows_the_content) {
  ASSERT_TRUE(write_file_atomic(file("a"), Bytes{1, 2, 3}).ok());
  auto mapped = MappedFile::open(file("a"));
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(Bytes(mapped->bytes().begin(), mapped->bytes().end()), (Bytes{1, 2, 3}));
  EXPECT_EQ(mapped->path(), file("a"));
}

TEST_F(MappedFileTest, an_empty_file_is_an_empty_view) {
  ASSERT_TRUE(write_file_atomic(file("empty"), {}).ok());
  auto mapped = MappedFile::open(file("empty"));
  ASSERT_TRUE(mapped.ok());
  EXPECT_TRUE(mapped->bytes().empty());
  mapped->prefetch(0, 100);
}

TEST_F(MappedFileTest, outlives_the_name_and_survives_moves) {
  ASSERT_TRUE(write_file_atomic(file("a"), Bytes{42}).ok());
  auto opened = MappedFile::open(file("a"));
  ASSERT_TRUE(opened.ok());
  ::unlink(file("a").c_str());
  MappedFile first = std::move(*opened);
  MappedFile second;
  second = std::move(first);
  EXPECT_EQ(second.bytes()[0], 42);
  EXPECT_TRUE(first.bytes().empty());  // NOLINT: a moved-from file is documented to map nothing
}

TEST_F(MappedFileTest, the_error_names_the_path) {
  auto mapped = MappedFile::open("/no/such/core");
  ASSERT_FALSE(mapped.ok());
  EXPECT_NE(mapped.error().message().find("/no/such/core"), std::string::npos);
}

TEST_F(MappedFileTest, twenty_gigabytes_of_hole_cost_nothing) {
  auto fd = create_file(file("sparse"));
  ASSERT_TRUE(fd.ok());
  ASSERT_EQ(::ftruncate(fd->get(), static_cast<off_t>(20 * kGiB)), 0);
  const uint8_t mark = 7;
  ASSERT_EQ(::pwrite(fd->get(), &mark, 1, static_cast<off_t>(13 * kGiB)), 1);

  auto mapped = MappedFile::open(file("sparse"));
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(mapped->size(), 20 * kGiB);
  EXPECT_EQ(mapped->bytes()[13 * kGiB], 7);
  EXPECT_EQ(mapped->bytes()[20 * kGiB - 1], 0);

  auto extents = data_extents(fd->get());
  ASSERT_TRUE(extents.ok());
  ASSERT_EQ(extents->extents.size(), 1u);
  EXPECT_LE(extents->extents[0].offset, 13 * kGiB);
  EXPECT_LT(extents->extents[0].size, 1u << 20);
  struct stat info = {};
  ASSERT_EQ(::fstat(fd->get(), &info), 0);
  EXPECT_LT(info.st_blocks * 512, 1 << 20) << "touching holes must not allocate them";
}

TEST_F(MappedFileTest, hints_outside_the_file_are_ignored) {
  ASSERT_TRUE(write_file_atomic(file("a"), Bytes(10'000, 5)).ok());
  auto mapped = MappedFile::open(file("a"), MappedFile::Access::kSequential);
  ASSERT_TRUE(mapped.ok());
  mapped->prefetch(~uint64_t{0}, ~uint64_t{0});
  mapped->prefetch(5'000, ~uint64_t{0});
  mapped->release(0, ~uint64_t{0});
  EXPECT_EQ(mapped->bytes()[9'999], 5);
}

TEST_F(MappedFileTest, identity_changes_when_the_file_is_replaced) {
  ASSERT_TRUE(write_file_atomic(file("a"), Bytes{1}).ok());
  const FileIdentity before = MappedFile::open(file("a"))->identity();
  EXPECT_EQ(MappedFile::open(file("a"))->identity(), before);
  ASSERT_TRUE(write_file_atomic(file("a"), Bytes{2}).ok());
  EXPECT_NE(MappedFile::open(file("a"))->identity(), before);
}

TEST(DataExtents, finds_each_island_in_order) {
  auto fd = anonymous_file();
  ASSERT_TRUE(fd.ok());
  const Bytes page(4096, 1);
  for (const off_t offset : {off_t{1} << 20, off_t{5} << 20, off_t{9} << 20}) {
    ASSERT_EQ(::pwrite(fd->get(), page.data(), page.size(), offset), 4096);
  }
  auto found = data_extents(fd->get());
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->complete);
  ASSERT_EQ(found->extents.size(), 3u);
  EXPECT_EQ(found->extents[1], (Extent{5u << 20, 4096}));

  auto capped = data_extents(fd->get(), 2);
  ASSERT_TRUE(capped.ok());
  EXPECT_FALSE(capped->complete);
  ASSERT_EQ(capped->extents.size(), 2u);
  EXPECT_EQ(capped->extents[1].offset + capped->extents[1].size, (9u << 20) + 4096);
}

}  // namespace
}  // namespace inquest::os
