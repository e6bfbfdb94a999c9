#include "process/symbols/symbol_index.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/os/directories.h"
#include "platform/os/file.h"

namespace inquest::process {
namespace {

const BuildId kId(Bytes{0xab, 0xcd, 3, 4, 5, 6, 7, 8});
const BuildId kOther(Bytes{0xab, 0xcd, 3, 4, 5, 6, 7, 9});

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

std::string text_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

IndexAdditions additions(uint64_t low, uint64_t high, std::string_view contents,
                         uint64_t identity = 0) {
  IndexAdditions result;
  result.records.push_back({{{low, high}}, identity, bytes_of(contents)});
  return result;
}

std::string at(const SymbolIndexView& view, uint64_t pc) {
  const auto range = view.find(pc);
  const auto record = range ? view.record(*range) : std::nullopt;
  return record ? text_of(*record) : "";
}

class SymbolIndexTest : public ::testing::Test {
 protected:
  SymbolIndexTest() : directory_(std::move(*os::TempDirectory::create())) {}
  SymbolIndex open() const { return SymbolIndex(directory_.path(), kId); }
  std::string path() const { return index_path(directory_.path(), kId); }

  os::TempDirectory directory_;
};

TEST_F(SymbolIndexTest, RemembersRecordsAndBlobs) {
  auto some = additions(0x10, 0x20, "first");
  some.records.push_back({{{0x30, 0x40}, {0x80, 0x90}}, 7, bytes_of("second")});
  some.blobs["key"] = bytes_of("value");
  ASSERT_TRUE(open().add(some).ok());
  const SymbolIndex index = open();
  ASSERT_NE(index.view(), nullptr);
  EXPECT_EQ(at(*index.view(), 0x10), "first");
  EXPECT_EQ(at(*index.view(), 0x1f), "first");
  EXPECT_EQ(at(*index.view(), 0x20), "");
  EXPECT_EQ(at(*index.view(), 0x3f), "second");
  EXPECT_EQ(at(*index.view(), 0x85), "second");
  EXPECT_EQ(at(*index.view(), 0x0), "");
  EXPECT_EQ(index.view()->find(0x85)->identity, 7u);
  EXPECT_EQ(text_of(*index.view()->blob("key")), "value");
  EXPECT_FALSE(index.view()->blob("other"));
}

TEST_F(SymbolIndexTest, MergesWithWhatOthersWroteMeanwhile) {
  SymbolIndex mine = open();
  ASSERT_TRUE(open().add(additions(0x10, 0x20, "theirs")).ok());
  ASSERT_TRUE(mine.add(additions(0x30, 0x40, "mine")).ok());
  const SymbolIndex index = open();
  EXPECT_EQ(at(*index.view(), 0x10), "theirs");
  EXPECT_EQ(at(*index.view(), 0x30), "mine");
}

TEST_F(SymbolIndexTest, NewAnswersReplaceOldOnes) {
  ASSERT_TRUE(open().add(additions(0x10, 0x20, "old", 5)).ok());
  ASSERT_TRUE(open().add(additions(0x18, 0x28, "new", 6)).ok());
  const SymbolIndex index = open();
  EXPECT_EQ(at(*index.view(), 0x18), "new");
  EXPECT_EQ(at(*index.view(), 0x10), "");  // partly wrong is wholly dropped
}

TEST_F(SymbolIndexTest, IsNotUsedForAnotherBuild) {
  ASSERT_TRUE(open().add(additions(0x10, 0x20, "x")).ok());
  const auto bytes = os::read_file(path(), 1 << 20);
  EXPECT_TRUE(SymbolIndexView::parse(*bytes, kId).ok());
  EXPECT_EQ(SymbolIndexView::parse(*bytes, kOther).error().code(), ErrorCode::kMismatch);
}

TEST_F(SymbolIndexTest, EveryChangedByteIsNoticedOrHarmless) {
  auto some = additions(0x10, 0x20, "some record");
  some.blobs["key"] = bytes_of("value");
  ASSERT_TRUE(open().add(some).ok());
  const Bytes good = *os::read_file(path(), 1 << 20);
  for (size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x40;
    const auto view = SymbolIndexView::parse(bad, kId);
    if (!view.ok()) continue;
    const std::string record = at(*view, 0x15);
    EXPECT_TRUE(record.empty() || record == "some record") << i;
    const auto blob = view->blob("key");
    EXPECT_TRUE(!blob || text_of(*blob) == "value") << i;
  }
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(SymbolIndexView::parse(ByteView(good).first(size), kId).ok());
}

TEST_F(SymbolIndexTest, IsMadeAgainAfterDamage) {
  ASSERT_TRUE(open().add(additions(0x10, 0x20, "lost")).ok());
  ASSERT_TRUE(os::write_file_atomic(path(), bytes_of("garbage")).ok());
  EXPECT_EQ(open().view(), nullptr);
  ASSERT_TRUE(open().add(additions(0x30, 0x40, "again")).ok());
  const SymbolIndex index = open();
  ASSERT_NE(index.view(), nullptr);
  EXPECT_EQ(at(*index.view(), 0x30), "again");
}

TEST_F(SymbolIndexTest, LosesNothingToConcurrentWriters) {
  constexpr uint64_t kWriters = 8;
  constexpr uint64_t kRounds = 20;
  std::vector<pid_t> children;
  for (uint64_t writer = 0; writer < kWriters; ++writer) {
    const pid_t child = fork();
    if (child == 0) {
      bool ok = true;
      for (uint64_t round = 0; round < kRounds; ++round) {
        const uint64_t low = 0x1000 * (writer * kRounds + round + 1);
        ok &= open().add(additions(low, low + 0x100, std::to_string(low))).ok();
      }
      _exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const SymbolIndex index = open();
  ASSERT_NE(index.view(), nullptr);
  for (uint64_t i = 1; i <= kWriters * kRounds; ++i)
    EXPECT_EQ(at(*index.view(), 0x1000 * i + 5), std::to_string(0x1000 * i));
}

TEST_F(SymbolIndexTest, FailsQuietlyWhereItMayNotWrite) {
  SymbolIndex nowhere("/proc/nowhere", kId);
  EXPECT_EQ(nowhere.view(), nullptr);
  EXPECT_FALSE(nowhere.add(additions(1, 2, "x")).ok());
  EXPECT_EQ(index_path("", kId), "");
  EXPECT_EQ(index_path("/c", BuildId(Bytes{1})), "");  // no id worth the name
}

TEST_F(SymbolIndexTest, DropsOldContentsWhenBothWouldBeTooLarge) {
  IndexAdditions old;
  old.records.push_back({{{1, 2}}, 0, Bytes(kMaxIndexFile / 2 + 1024, 'o')});
  const Bytes file = merge_index(kId, nullptr, old);
  const auto view = SymbolIndexView::parse(file, kId);
  ASSERT_TRUE(view.ok());
  IndexAdditions fresh;
  fresh.records.push_back({{{5, 6}}, 0, Bytes(kMaxIndexFile / 2, 'n')});
  const Bytes merged = merge_index(kId, &*view, fresh);
  EXPECT_LE(merged.size(), kMaxIndexFile);
  const auto after = SymbolIndexView::parse(merged, kId);
  EXPECT_TRUE(after->find(5));
  EXPECT_FALSE(after->find(1));
}

}  // namespace
}  // namespace inquest::process
