#include "vault/vault.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "platform/os/sparse.h"

namespace inquest::vault {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ByteView view(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string text_of(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

// Bytes that do not compress, the same for the same seed.
Bytes noise(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

CaseHeader crash(const std::string& signature, int64_t time_ns = 1) {
  CaseHeader header;
  header.time_ns = time_ns;
  header.pid = 4711;
  header.executable = "/usr/bin/shop";
  header.command_line = "shop --port 80";
  header.signal = 11;
  header.signature = signature;
  header.fidelity = Fidelity::kFull;
  return header;
}

class VaultTest : public testing::Test {
 protected:
  VaultTest() : directory_(*os::TempDirectory::create()) {}

  Vault open(VaultOptions options = {}) {
    if (options.quota == 0) options.quota = uint64_t{1} << 30;
    if (!options.keep_free) options.keep_free = 0;
    auto vault = Vault::open(path(), options);
    EXPECT_TRUE(vault.ok()) << vault.error().message();
    return std::move(*vault);
  }
  std::string path() const { return directory_.file("vault"); }

  CaseId deposit(Vault& vault, const CaseHeader& header, ByteView core, Role role = Role::kFull) {
    const NewAttachment evidence[] = {{.name = "core", .role = role, .source = core}};
    auto deposited = vault.deposit(header, evidence);
    EXPECT_TRUE(deposited.ok()) << deposited.error().message();
    return deposited->id;
  }

  os::TempDirectory directory_;
};

TEST_F(VaultTest, AnotherProcessFindsWhatWasDeposited) {
  CaseHeader header = crash("5a1f");
  header.missing = {"thread 12: its stack was not readable"};
  header.annotations = {{"version", "1.4.2"}};
  header.labels = {{"team", "billing"}};
  header.uptime_ms = 12'345;
  header.headline = "null pointer in quote()";
  CaseId id;
  {
    Vault vault = open();
    const NewAttachment evidence[] = {
        {.name = "slim", .role = Role::kSlim, .source = view("the slim record")},
        {.name = "report.json", .role = Role::kReport, .source = view("{}")},
        {.name = "stderr", .role = Role::kOther, .source = view("panic!\n")},
    };
    const auto deposited = vault.deposit(header, evidence);
    ASSERT_TRUE(deposited.ok()) << deposited.error().message();
    id = deposited->id;
  }
  Vault vault = open();
  const auto found = vault.find(id);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->header, header);
  EXPECT_EQ(found->state, State::kComplete);
  EXPECT_EQ(text_of(*vault.read_bytes(*found, "slim", 100)), "the slim record");
  EXPECT_EQ(text_of(*vault.read_bytes(*found, "stderr", 100)), "panic!\n");
  EXPECT_EQ(vault.read_bytes(*found, "stderr", 3).error().code(), ErrorCode::kTooLarge);
}

TEST_F(VaultTest, ASparseFileComesBackByteForByteWithItsHoles) {
  const std::string source = directory_.file("sparse");
  const Bytes a = noise(200'000, 1), b = noise(70'001, 2);
  {
    const os::Fd fd = *os::create_file(source);
    ASSERT_EQ(::pwrite(fd.get(), a.data(), a.size(), 4096 * 10), ssize_t(a.size()));
    ASSERT_EQ(::pwrite(fd.get(), b.data(), b.size(), 1 << 30), ssize_t(b.size()));
    ASSERT_EQ(::ftruncate(fd.get(), (int64_t{1} << 32) + 5), 0);
  }
  Vault vault = open();
  const os::Fd fd = *os::open_regular_file(source);
  const NewAttachment evidence[] = {{.name = "core", .role = Role::kFull, .source = fd.get()}};
  const auto deposited = vault.deposit(crash("1"), evidence);
  ASSERT_TRUE(deposited.ok());
  EXPECT_LT(deposited->attached[0].stored, 300'000U);

  const std::string copy = directory_.file("copy");
  const os::Fd out = *os::create_file(copy);
  ASSERT_TRUE(vault.read(*vault.find(deposited->id), "core", out.get()).ok());
  struct stat info = {};
  ASSERT_EQ(::fstat(out.get(), &info), 0);
  EXPECT_EQ(info.st_size, (int64_t{1} << 32) + 5);
  EXPECT_LT(info.st_blocks * 512, 400'000);
  Bytes read(a.size());
  ASSERT_EQ(*os::pread_some(out.get(), read, 4096 * 10), a.size());
  EXPECT_EQ(read, a);
  read.resize(b.size());
  ASSERT_EQ(*os::pread_some(out.get(), read, 1 << 30), b.size());
  EXPECT_EQ(read, b);
}

TEST_F(VaultTest, EqualPiecesAreStoredOnceAndZerosNotAtAll) {
  Vault vault = open();
  const Bytes core = noise(1 << 20, 3);
  deposit(vault, crash("1"), core);
  const uint64_t before = vault.stats()->stored;
  EXPECT_GE(before, core.size());
  const NewAttachment evidence[] = {
      {.name = "core", .role = Role::kFull, .source = ByteView(core)},
      {.name = "zeros", .role = Role::kOther, .source = ByteView()},
  };
  const auto again = vault.deposit(crash("1"), evidence);
  ASSERT_TRUE(again.ok());
  EXPECT_LT(vault.stats()->stored - before, 16'384U);
  const Bytes zeros(8 << 20);
  const CaseId empty = deposit(vault, crash("2"), zeros);
  EXPECT_LT(vault.stats()->stored - before, 32'768U);
  EXPECT_EQ(*vault.read_bytes(*vault.find(empty), "core", zeros.size()), zeros);
}

TEST_F(VaultTest, ACaseGrowsInSteps) {
  Vault vault = open();
  CaseHeader header = crash("");
  header.fidelity = Fidelity::kSnapshot;
  const CaseId id = *vault.begin(header);
  EXPECT_EQ(vault.find(id)->state, State::kReceiving);
  EXPECT_TRUE(vault.in_use(id));
  EXPECT_EQ(vault.find(id)->kept_fidelity(), Fidelity::kSignal);

  const NewAttachment slim[] = {{.name = "slim", .role = Role::kSlim, .source = view("slim")}};
  ASSERT_TRUE(vault.attach(id, slim).ok());
  EXPECT_EQ(vault.find(id)->kept_fidelity(), Fidelity::kSlim);

  auto stream = vault.attach_stream(id, "core", Role::kFull, 1000);
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE((*stream)->append(view("begin")).ok());
  ASSERT_TRUE((*stream)->skip(100'000).ok());
  ASSERT_TRUE((*stream)->begin_segment().ok());
  ASSERT_TRUE((*stream)->append(view("end")).ok());
  ASSERT_TRUE((*stream)->commit()->kept);
  EXPECT_EQ(vault.find(id)->kept_fidelity(), Fidelity::kSnapshot);
  const std::string core = text_of(*vault.read_bytes(*vault.find(id), "core", 200'000));
  EXPECT_EQ(core, "begin" + std::string(100'000, '\0') + "end");

  ASSERT_TRUE(vault.update(id, {.signature = "77", .headline = "why"}).ok());
  ASSERT_TRUE(vault.finish(id).ok());
  EXPECT_FALSE(vault.in_use(id));
  const Case done = *open().find(id);
  EXPECT_EQ(done.header.signature, "77");
  EXPECT_EQ(done.header.headline, "why");
  EXPECT_EQ(done.state, State::kComplete);
}

TEST_F(VaultTest, ACaseIsFoundByAUniquePrefix) {
  Vault vault = open();
  const CaseId id = *vault.begin(crash("1"), "aaaa0000000000000000000000000000");
  ASSERT_TRUE(vault.begin(crash("1"), "aaaa1000000000000000000000000000").ok());
  EXPECT_EQ(vault.find("aaaa0")->id, id);
  EXPECT_THAT(vault.find("aaaa").error().message(), HasSubstr("could be"));
  EXPECT_EQ(vault.find("bbbb").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(vault.find("a").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(vault.begin(crash("1"), id).error().code(), ErrorCode::kMismatch);
  EXPECT_EQ(vault.begin(crash("1"), "../../etc").error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(VaultTest, OthersCannotLookIn) {
  open();
  struct stat info = {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  ASSERT_EQ(::stat((path() + "/index").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(VaultTest, RefusesASymbolicLinkAndADirectoryThatOthersMayWrite) {
  open();
  ASSERT_EQ(::symlink(path().c_str(), directory_.file("link").c_str()), 0);
  EXPECT_FALSE(Vault::open(directory_.file("link")).ok());
  ASSERT_EQ(::chmod(path().c_str(), 0770), 0);
  const auto refused = Vault::open(path());
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("others than its owner"));
}

TEST_F(VaultTest, DoesNotFollowAnIndexThatIsASymbolicLink) {
  open();
  ASSERT_EQ(::rename((path() + "/index").c_str(), directory_.file("victim").c_str()), 0);
  ASSERT_EQ(::symlink(directory_.file("victim").c_str(), (path() + "/index").c_str()), 0);
  EXPECT_FALSE(Vault::open(path()).ok());
}

TEST_F(VaultTest, ATornTailIsCutAndWhatStandsBeforeItIsKept) {
  CaseId id;
  {
    Vault vault = open();
    id = deposit(vault, crash("1"), view("core"));
  }
  struct stat info = {};
  ASSERT_EQ(::stat((path() + "/index").c_str(), &info), 0);
  {
    const os::Fd index(::open((path() + "/index").c_str(), O_WRONLY | O_APPEND));
    ASSERT_EQ(::write(index.get(), "IQR1\x50\0\0\0torn", 12), 12);
  }
  Vault vault = open();
  EXPECT_EQ(vault.list()->size(), 1U);
  deposit(vault, crash("1"), view("another"));
  EXPECT_EQ(open().list()->size(), 2U);
  EXPECT_TRUE(open().stats()->damage.empty());
}

TEST_F(VaultTest, DamageInTheMiddleOfTheIndexCostsOneRecordAndIsSaid) {
  std::vector<CaseId> ids;
  Vault vault = open();
  for (int i = 0; i < 3; ++i) ids.push_back(deposit(vault, crash("1"), view("core")));
  Bytes index = *os::read_file(path() + "/index", 1 << 20);
  const std::string wanted = "\"begin\",\"id\":\"" + ids[1];
  const auto at = std::search(index.begin(), index.end(), wanted.begin(), wanted.end());
  ASSERT_NE(at, index.end());
  *at ^= 1;
  {
    const os::Fd fd(::open((path() + "/index").c_str(), O_WRONLY));
    ASSERT_EQ(::pwrite(fd.get(), index.data(), index.size(), 0), ssize_t(index.size()));
  }
  Vault again = open();
  EXPECT_EQ(again.list()->size(), 2U);
  EXPECT_THAT(again.stats()->damage, ElementsAre(HasSubstr("unreadable")));
  EXPECT_TRUE(again.read_bytes(*again.find(ids[2]), "core", 10).ok());
}

TEST_F(VaultTest, ADamagedPieceIsAnErrorAndNeverOtherBytes) {
  Vault vault = open();
  const CaseId id = deposit(vault, crash("1"), noise(1 << 20, 9));
  for (const auto& entry : {path() + "/packs"}) {
    const std::string command = "for f in " + entry +
                                "/*.pack; do printf X | dd of=$f bs=1 seek=500000 conv=notrunc "
                                "status=none; done";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  const auto read = open().read_bytes(*vault.find(id), "core", 1 << 20);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
}

TEST_F(VaultTest, RemovedCasesFreeWhatNobodyElseNeeds) {
  Vault vault = open();
  const Bytes shared = noise(1 << 20, 4);
  Bytes both = shared;
  const Bytes own = noise(2 << 20, 5);
  both.insert(both.end(), own.begin(), own.end());
  const CaseId first = deposit(vault, crash("1"), both);
  const CaseId second = deposit(vault, crash("1"), shared);
  ASSERT_TRUE(vault.remove(first).ok());
  const auto freed = vault.collect_garbage();
  ASSERT_TRUE(freed.ok());
  EXPECT_GE(freed->bytes, own.size());
  EXPECT_EQ(*open().read_bytes(*vault.find(second), "core", 1 << 20), shared);
  EXPECT_FALSE(vault.find(first).ok());
}

TEST_F(VaultTest, ACaseThatIsLookedAtCannotBeRemoved) {
  Vault vault = open();
  const CaseId id = deposit(vault, crash("1"), view("core"));
  {
    const auto lease = vault.lease(id);
    ASSERT_TRUE(lease.ok());
    EXPECT_EQ(open().remove(id).error().code(), ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(open().remove(id).ok());
}

TEST_F(VaultTest, AWriterThatIsStoppedDoesNotHoldUpThoseWhoLook) {
  CaseId id;
  {
    Vault vault = open();
    id = deposit(vault, crash("1"), view("core"));
  }
  const os::Fd stopped(::open((path() + "/lock").c_str(), O_RDWR));
  ASSERT_EQ(::flock(stopped.get(), LOCK_EX | LOCK_NB), 0);
  auto vault = Vault::open(path(), {.create = false, .patience = std::chrono::milliseconds(20)});
  ASSERT_TRUE(vault.ok()) << vault.error().message();
  EXPECT_TRUE(vault->lease(id).ok());
  EXPECT_EQ(text_of(*vault->read_bytes(*vault->find(id), "core", 100)), "core");
  EXPECT_EQ(vault->pin(id, true).error().code(), ErrorCode::kUnavailable);
}

TEST_F(VaultTest, AStoppedProcessThatGivesEvidenceUpIsNotWaitedForWithoutEnd) {
  Vault vault = open({.patience = std::chrono::milliseconds(20)});
  const CaseId id = deposit(vault, crash("1"), view("core"));
  const os::Fd stopped(::open((path() + "/leases").c_str(), O_RDWR));
  struct flock all = {};
  all.l_type = F_WRLCK;
  all.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(stopped.get(), F_OFD_SETLK, &all), 0);
  EXPECT_EQ(vault.lease(id).error().code(), ErrorCode::kUnavailable);
}

TEST_F(VaultTest, AWriterThatWentAwayLeavesATruncatedCase) {
  CaseId id;
  {
    Vault vault = open();
    id = *vault.begin(crash("1"));
    ASSERT_TRUE(open().collect_garbage().ok());
    EXPECT_EQ(open().find(id)->state, State::kReceiving);
  }
  ASSERT_TRUE(open().collect_garbage().ok());
  EXPECT_EQ(open().find(id)->state, State::kTruncated);
}

TEST_F(VaultTest, CountsWithoutKeeping) {
  Vault vault = open();
  for (int i = 1; i <= 40; ++i) ASSERT_TRUE(vault.count(crash("sig", i)).ok());
  ASSERT_TRUE(vault.count(crash("other", 5)).ok());
  const Stats stats = *open().stats();
  EXPECT_EQ(stats.counted, 41U);
  ASSERT_EQ(stats.tallies.size(), 2U);
  EXPECT_EQ(stats.tallies[0].group, "sig");
  EXPECT_EQ(stats.tallies[0].counted, 40U);
  EXPECT_EQ(stats.tallies[0].first_ns, 1);
  EXPECT_EQ(stats.tallies[0].last_ns, 40);
}

TEST_F(VaultTest, TheFirstOfThoseCountedIsTheEarliestAndNotTheOneThatWasToldFirst) {
  Vault vault = open();
  for (const int64_t time : {0, 7, 3, 9}) ASSERT_TRUE(vault.count(crash("sig", time)).ok());
  EXPECT_EQ(vault.stats()->tallies[0].first_ns, 3);
  EXPECT_EQ(vault.stats()->tallies[0].last_ns, 9);
}

TEST_F(VaultTest, MoreKindsThanThereAreSlotsAreCountedTogether) {
  Vault vault = open();
  for (int i = 0; i < 260; ++i) {
    ASSERT_TRUE(vault.count(crash("kind" + std::to_string(i))).ok());
  }
  EXPECT_EQ(vault.stats()->counted, 260U);
  EXPECT_EQ(vault.stats()->tallies.back().group, "others");
}

TEST_F(VaultTest, NamesThatCouldLeadElsewhereAreRefused) {
  Vault vault = open();
  const CaseId id = *vault.begin(crash("1"));
  for (const char* name : {"", "..", "a/b", ".hidden", "a b", "\n"}) {
    const NewAttachment evidence[] = {{.name = name, .role = Role::kOther, .source = view("x")}};
    EXPECT_FALSE(vault.attach(id, evidence).ok()) << name;
  }
  for (const char* name : {"/", "usr/bin/a", "/usr/../etc/shadow", "/usr//bin", "/usr/bin/"}) {
    const NewAttachment evidence[] = {{.name = name, .role = Role::kFile, .source = view("x")}};
    EXPECT_FALSE(vault.attach(id, evidence).ok()) << name;
  }
  const NewAttachment good[] = {{.name = "/usr/bin/a", .role = Role::kFile, .source = view("x")}};
  EXPECT_TRUE(vault.attach(id, good).ok());
}

TEST_F(VaultTest, HostileTextInAHeaderIsCutAndRepaired) {
  Vault vault = open();
  CaseHeader header = crash("1");
  header.command_line = std::string(1 << 20, 'x') + "\xff";
  header.host = std::string("a\0\x1b[31m\xff", 8);
  header.annotations.assign(10'000, {std::string(10'000, 'k'), "v"});
  const auto id = vault.begin(header);
  ASSERT_TRUE(id.ok());
  const Case kept = *open().find(*id);
  EXPECT_LE(kept.header.command_line.size(), 8192U);
  EXPECT_LE(kept.header.annotations.size(), 32U);
  EXPECT_LT(open().stats()->index_bytes, 64U * 1024);
}

TEST(Places, AQuotaThatIsNotUnderstoodIsRefusedAndNotIgnored) {
  const auto quota = [](const char* text) {
    ::setenv("INQUEST_VAULT_QUOTA", text, 1);
    return quota_of_environment();
  };
  for (const char* text : {"500M", "500MB", "500MiB", "524288000", "512000K"}) {
    ASSERT_TRUE(quota(text).ok()) << text;
    EXPECT_EQ(*quota(text), uint64_t{500} << 20) << text;
  }
  EXPECT_EQ(*quota(""), 0U);
  for (const char* text : {"0", "B", "5B", "iB", "5 M", "half", "-1", "5MM", "5Mi", "99999999T"}) {
    EXPECT_EQ(quota(text).error().code(), ErrorCode::kInvalidArgument) << text;
  }
  ::unsetenv("INQUEST_VAULT_QUOTA");
  EXPECT_EQ(*quota_of_environment(), 0U);
}

TEST_F(VaultTest, AReadOnlyVaultIsNotWritten) {
  EXPECT_EQ(Vault::open(path(), {.read_only = true}).error().code(), ErrorCode::kNotFound);
  {
    Vault vault = open();
    deposit(vault, crash("1"), view("core"));
  }
  Vault vault = open({.read_only = true});
  const auto cases = vault.list();
  ASSERT_EQ(cases->size(), 1U);
  EXPECT_TRUE(vault.read_bytes(cases->front(), "core", 10).ok());
  EXPECT_EQ(vault.begin(crash("1")).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(vault.pin(cases->front().id, true).error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace inquest::vault
