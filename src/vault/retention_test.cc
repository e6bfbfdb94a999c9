#include "vault/retention.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <set>

#include "platform/os/directories.h"
#include "vault/vault.h"

namespace inquest::vault {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Case crash(const std::string& id, const std::string& signature, uint64_t core = 100,
           uint64_t slim = 10) {
  Case one;
  one.id = id;
  one.header.signature = signature;
  if (core > 0) one.attachments.push_back({.name = "core", .role = Role::kFull, .stored = core});
  if (slim > 0) one.attachments.push_back({.name = "slim", .role = Role::kSlim, .stored = slim});
  return one;
}

bool nobody(const CaseId&) { return false; }

std::vector<std::string> said(const std::vector<Eviction>& order) {
  std::vector<std::string> lines;
  for (const Eviction& eviction : order) {
    std::string line = eviction.id;
    for (const std::string& name : eviction.names) line += " " + name;
    lines.push_back(line);
  }
  return lines;
}

TEST(Retention, TheMiddleGoesFirstAndTheFirstOfItsKindNever) {
  const std::vector<Case> cases = {crash("a", "x"), crash("b", "x"), crash("c", "x"),
                                   crash("d", "x")};
  EXPECT_THAT(said(eviction_order(cases, nobody)),
              ElementsAre("b core", "c core", "b slim", "c slim", "d core", "d slim"));
}

TEST(Retention, TheKindThatTakesMostGoesFirst) {
  const std::vector<Case> cases = {crash("a", "x", 10), crash("b", "x", 10), crash("c", "x", 10),
                                   crash("d", "y", 99), crash("e", "y", 99), crash("f", "y", 99)};
  EXPECT_THAT(
      said(eviction_order(cases, nobody)),
      ElementsAre("e core", "b core", "e slim", "b slim", "f core", "c core", "f slim", "c slim"));
}

TEST(Retention, OneOfAKindStays) {
  EXPECT_THAT(eviction_order({{crash("a", "x"), crash("b", "y")}}, nobody), IsEmpty());
}

TEST(Retention, PinnedAndUsedStay) {
  std::vector<Case> cases = {crash("a", "x"), crash("b", "x"), crash("c", "x"), crash("d", "x")};
  cases[1].pinned = true;
  const auto used = [](const CaseId& id) { return id == "d"; };
  // d is being written or shown: c is the newest that is whole.
  EXPECT_THAT(said(eviction_order(cases, used)), ElementsAre("c core", "c slim"));
}

TEST(Retention, TheFirstIsTheFirstThatHasEvidence) {
  const std::vector<Case> cases = {crash("a", "x", 0, 0), crash("b", "x"), crash("c", "x")};
  EXPECT_THAT(said(eviction_order(cases, nobody)), ElementsAre("c core", "c slim"));
}

TEST(Retention, WithoutASignatureKindsAreProgramAndSignal) {
  std::vector<Case> cases = {crash("a", ""), crash("b", ""), crash("c", "")};
  cases[0].header.signal = 6;
  EXPECT_THAT(said(eviction_order(cases, nobody)), ElementsAre("c core", "c slim"));
}

TEST(Retention, HeadersInTheMiddleOfManyBecomeCounts) {
  std::vector<Case> cases;
  for (int i = 0; i < 600; ++i) cases.push_back(crash(std::to_string(i), "x", i == 50, 0));
  for (int i = 0; i < 400; ++i) cases.push_back(crash("y" + std::to_string(i), "y", 0, 0));
  cases[60].pinned = true;
  const auto foldable =
      foldable_headers(cases, kHeadersKeptLast, [](const CaseId& id) { return id == "70"; });
  ASSERT_EQ(foldable.size(), 1U);
  const auto& list = foldable.at("x");
  EXPECT_EQ(list.size(), 600 - kHeadersKeptFirst - kHeadersKeptLast - 3);
  EXPECT_EQ(list.front()->id, "10");
  EXPECT_EQ(list.back()->id, "99");
}

// --- in a vault that is full

Bytes noise(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

CaseHeader header_of(const std::string& signature) {
  CaseHeader header;
  header.signature = signature;
  header.fidelity = Fidelity::kFull;
  return header;
}

class FullVault : public testing::Test {
 protected:
  FullVault() : directory_(*os::TempDirectory::create()) {}

  Vault open(uint64_t quota) {
    return *Vault::open(directory_.file("vault"),
                        {.quota = quota, .keep_free = 0, .reserved_headers = 100});
  }

  // A slim record of 50 KB and a core of 1 MB that nothing shares.
  Deposited deposit(Vault& vault, const std::string& signature) {
    const Bytes slim = noise(50'000, ++seed_), core = noise(1'000'000, ++seed_);
    const NewAttachment evidence[] = {
        {.name = "slim", .role = Role::kSlim, .source = ByteView(slim)},
        {.name = "core", .role = Role::kFull, .source = ByteView(core)}};
    auto deposited = vault.deposit(header_of(signature), evidence);
    EXPECT_TRUE(deposited.ok()) << deposited.error().message();
    return *deposited;
  }

  // "full", "slim", "signal" of all cases in their order.
  std::vector<std::string> left(Vault& vault) {
    std::vector<std::string> kept;
    const std::vector<Case> cases = *vault.list();
    for (const Case& one : cases) kept.emplace_back(to_string(one.kept_fidelity()));
    return kept;
  }

  os::TempDirectory directory_;
  uint32_t seed_ = 0;
};

TEST_F(FullVault, ACrashLoopKeepsItsFirstItsNewestAndAllHeaders) {
  Vault vault = open(5'200'000);
  const CaseId other = deposit(vault, "rare").id;
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(deposit(vault, "loop").attached[1].kept);
  const auto kept = left(vault);
  ASSERT_EQ(kept.size(), 9U);
  EXPECT_EQ(kept[0], "full");
  EXPECT_EQ(kept[1], "full");
  EXPECT_EQ(kept[8], "full");
  EXPECT_EQ(kept[2], "slim");
  EXPECT_THAT(vault.find(vault.list()->at(2).id)->reasons(),
              ElementsAre(HasSubstr("core: given up to make room")));
  EXPECT_TRUE(vault.read_bytes(*vault.find(other), "core", 1 << 20).ok());
  EXPECT_LE(vault.stats()->stored, 5'200'000U);
  EXPECT_GT(vault.stats()->evicted, 0U);
}

TEST_F(FullVault, WhatDoesNotFitIsRefusedAndTheSlimRecordStays) {
  Vault vault = open(2'900'000);
  deposit(vault, "a");
  deposit(vault, "b");
  const Deposited third = deposit(vault, "c");
  EXPECT_TRUE(third.attached[0].kept);
  EXPECT_FALSE(third.attached[1].kept);
  EXPECT_THAT(third.attached[1].why, HasSubstr("no room"));
  EXPECT_THAT(left(vault), ElementsAre("full", "full", "slim"));
  EXPECT_THAT(vault.find(third.id)->reasons(), ElementsAre(HasSubstr("core: no room")));
}

TEST_F(FullVault, NothingIsGivenUpInVain) {
  Vault vault = open(4'000'000);
  for (int i = 0; i < 3; ++i) deposit(vault, "a");
  const Bytes huge = noise(6'000'000, 77);
  const NewAttachment evidence[] = {
      {.name = "core", .role = Role::kFull, .source = ByteView(huge)}};
  EXPECT_FALSE(vault.deposit(header_of("b"), evidence)->attached[0].kept);
  EXPECT_THAT(left(vault), ElementsAre("full", "full", "full", "signal"));
}

TEST_F(FullVault, WhatIsPinnedOrShownStays) {
  Vault vault = open(4'500'000);
  deposit(vault, "a");
  const CaseId pinned = deposit(vault, "a").id;
  ASSERT_TRUE(vault.pin(pinned, true).ok());
  const CaseId shown = deposit(vault, "a").id;
  const auto lease = vault.lease(shown);
  for (int i = 0; i < 4; ++i) deposit(vault, "a");
  EXPECT_EQ(vault.find(pinned)->kept_fidelity(), Fidelity::kFull);
  EXPECT_EQ(vault.find(shown)->kept_fidelity(), Fidelity::kFull);
}

TEST_F(FullVault, RoomIsMadeWhileALongStreamIsWrittenAndKeepsWhatTheStreamCountsOn) {
  Vault vault = open(5'200'000);
  deposit(vault, "a");
  const Bytes shared = noise(1'000'000, 500);
  const NewAttachment evidence[] = {
      {.name = "core", .role = Role::kFull, .source = ByteView(shared)}};
  const CaseId middle = vault.deposit(header_of("a"), evidence)->id;
  deposit(vault, "a");

  Vault other = open(5'200'000);
  const CaseId id = *other.begin(header_of("b"));
  auto stream = other.attach_stream(id, "core", Role::kFull);
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE((*stream)->append(shared).ok());
  ASSERT_TRUE((*stream)->append(Bytes(8 << 20)).ok());  // more than is held in memory

  for (int i = 0; i < 4; ++i) EXPECT_TRUE(deposit(vault, "a").attached[1].kept);
  EXPECT_EQ(vault.find(middle)->best_evidence(), nullptr);
  ASSERT_TRUE(vault.collect_garbage().ok());
  const auto committed = (*stream)->commit();
  ASSERT_TRUE(committed.ok() && committed->kept);
  EXPECT_LT(committed->stored, 200'000U);  // the rest was there
  Bytes all = shared;
  all.resize(shared.size() + (8 << 20));
  ASSERT_TRUE(vault.collect_garbage().ok());
  EXPECT_EQ(*vault.read_bytes(*vault.find(id), "core", 16 << 20), all);
}

TEST_F(FullVault, ASmallerQuotaIsReachedByCollectingGarbage) {
  {
    Vault vault = open(64 << 20);
    for (int i = 0; i < 6; ++i) deposit(vault, "a");
  }
  Vault vault = open(3'000'000);
  const auto freed = vault.collect_garbage();
  ASSERT_TRUE(freed.ok());
  EXPECT_GE(freed->evicted, 4U);
  EXPECT_LE(vault.stats()->stored, 3'000'000U);
  EXPECT_EQ(left(vault).front(), "full");
  EXPECT_EQ(left(vault).back(), "full");
}

TEST_F(FullVault, FullMemoryIsNotKeptForEver) {
  Vault vault = open(64 << 20);
  for (int i = 0; i < 3; ++i) deposit(vault, "a");
  const auto cases = vault.list();
  ASSERT_TRUE(vault.pin(cases->at(1).id, true).ok());
  const int64_t now = cases->back().header.time_ns;
  // Nothing is so old.
  EXPECT_EQ(vault.collect_garbage(cases->front().header.time_ns)->evicted, 0U);
  EXPECT_EQ(vault.collect_garbage(now + 1)->evicted, 2U);
  EXPECT_EQ(left(vault), (std::vector<std::string>{"slim", "full", "slim"}));
  EXPECT_THAT(vault.list()->front().reasons(), ElementsAre(HasSubstr("full memory is not kept")));
}

TEST_F(FullVault, NoMoreIsGivenUpBecausePacksAreInUse) {
  Vault vault = open(64 << 20);
  deposit(vault, "a");
  deposit(vault, "a");
  // Of these nothing becomes free but what is their own: each is looked at again.
  const Bytes shared = noise(1'000'000, 900);
  for (int i = 0; i < 6; ++i) {
    Bytes core = shared;
    core[0] = static_cast<uint8_t>(i);
    const NewAttachment evidence[] = {
        {.name = "core", .role = Role::kFull, .source = ByteView(core)}};
    ASSERT_TRUE(vault.deposit(header_of("a"), evidence).ok());
  }
  // As Ingest holds the packs that it counts on.
  std::vector<os::Fd> holds;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.file("vault/packs"))) {
    holds.emplace_back(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(holds.back().get(), LOCK_SH | LOCK_NB), 0);
  }
  Vault small = open(vault.stats()->stored + vault.stats()->index_bytes - 60'000);
  const auto freed = small.collect_garbage();
  ASSERT_TRUE(freed.ok());
  EXPECT_GT(freed->packs_in_use, 0U);
  EXPECT_LE(freed->packs_in_use, holds.size());
  EXPECT_EQ(freed->evicted, 1U);  // that is enough once they are not in use
}

TEST_F(FullVault, WhileSomebodyElseRemovesPacksNothingIsDone) {
  Vault vault = open(64 << 20);
  CaseId id;
  {
    Vault writer = open(64 << 20);
    id = *writer.begin(header_of("a"));
  }
  const os::Fd other(::open(directory_.file("vault/packs.lock").c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_TRUE(vault.collect_garbage()->busy);
  EXPECT_EQ(vault.find(id)->state, State::kReceiving);
}

TEST_F(FullVault, EvidenceThatTwoCasesShareStaysWithTheOneThatIsLeft) {
  {
    Vault vault = open(64 << 20);
    const Bytes shared = noise(1'000'000, 901);
    for (int i = 0; i < 3; ++i) {
      const NewAttachment evidence[] = {
          {.name = "core", .role = Role::kFull, .source = ByteView(shared)}};
      ASSERT_TRUE(vault.deposit(header_of("a"), evidence).ok());
      deposit(vault, "b");
    }
  }
  Vault vault = open(2'000'000);
  ASSERT_TRUE(vault.collect_garbage().ok());
  ASSERT_TRUE(vault.collect_garbage().ok());
  const std::vector<Case> cases = *vault.list();
  EXPECT_EQ(*vault.read_bytes(cases.front(), "core", 1 << 20), noise(1'000'000, 901));
  EXPECT_GT(vault.stats()->evicted, 0U);
}

TEST_F(FullVault, AnIndexThatIsMostlyHistoryIsWrittenAnew) {
  Vault vault = open(64 << 20);
  Vault other = open(64 << 20);
  const CaseId kept = deposit(vault, "a").id;
  CaseHeader wide = header_of("b");
  wide.command_line = std::string(8000, 'x');
  while (vault.stats()->index_bytes < (2 << 20)) {
    const auto id = vault.begin(wide);
    ASSERT_TRUE(id.ok());
    ASSERT_TRUE(vault.finish(*id).ok());
    ASSERT_TRUE(vault.remove(*id).ok());
  }
  ASSERT_TRUE(vault.collect_garbage().ok());
  EXPECT_LT(vault.stats()->index_bytes, 10'000U);
  EXPECT_TRUE(vault.find(kept).ok());
  // One who had it open meanwhile sees the new one, and writes to it.
  EXPECT_EQ(other.list()->size(), 1U);
  deposit(other, "c");
  EXPECT_EQ(vault.list()->size(), 2U);
}

TEST_F(FullVault, AnIndexFullOfHistoryDoesNotTurnCrashesIntoCounts) {
  Vault vault = open(4 << 20);  // an index of at most 1 MiB
  std::vector<CaseId> kept;
  for (int i = 0; i < 600; ++i) kept.push_back(*vault.begin(header_of("a")));
  for (const CaseId& id : kept) ASSERT_TRUE(vault.finish(id).ok());
  CaseHeader wide = header_of("b");
  wide.command_line = std::string(8000, 'x');
  for (int i = 0; i < 300; ++i) {  // 2.4 MB
    const auto id = vault.begin(wide);
    ASSERT_TRUE(id.ok()) << id.error().message();
    ASSERT_TRUE(vault.finish(*id).ok());
    ASSERT_TRUE(vault.remove(*id).ok());
  }
  EXPECT_EQ(vault.list()->size(), kept.size());
  EXPECT_EQ(vault.stats()->counted, 0U);
  EXPECT_EQ(vault.stats()->lost, 0U);
}

TEST_F(FullVault, HeadersThatBecomeCountsTellWhenTheFirstAndTheLastWere) {
  Vault vault = open(4 << 20);
  CaseHeader wide = header_of("a");
  wide.command_line = std::string(8000, 'x');
  for (int64_t i = 1; i <= 150; ++i) {
    wide.time_ns = i;
    const auto id = vault.begin(wide);
    ASSERT_TRUE(id.ok()) << id.error().message();
    ASSERT_TRUE(vault.finish(*id).ok());
  }
  const Stats stats = *vault.stats();
  ASSERT_EQ(stats.tallies.size(), 1U);
  EXPECT_EQ(stats.cases + stats.counted, 150U);
  EXPECT_EQ(stats.tallies[0].first_ns, 11);  // the first ten stay
  EXPECT_GT(stats.tallies[0].last_ns, 11);
}

}  // namespace
}  // namespace inquest::vault
