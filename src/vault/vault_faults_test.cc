// What was acknowledged survives: each call of the file system failing once, for ever, and stopping
// the world with and without what was not synced.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "platform/os/directories.h"
#include "testing/faulty_fs.h"
#include "vault/vault.h"

namespace inquest::vault {
namespace {

using inquest::testing::FaultyFs;

const Bytes& noise(size_t size, uint32_t seed) {
  static std::map<std::pair<size_t, uint32_t>, Bytes> known;
  Bytes& bytes = known[{size, seed}];
  if (!bytes.empty()) return bytes;
  std::mt19937 random(seed);
  bytes.resize(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

CaseHeader crash(const std::string& signature) {
  CaseHeader header;
  header.time_ns = 1;
  header.executable = "/usr/bin/shop";
  header.signal = 11;
  header.signature = signature;
  header.fidelity = Fidelity::kFull;
  return header;
}

// What was acknowledged so far.
struct Promises {
  struct Kept {
    bool finished = false, pinned = false;
    std::string headline;
    std::map<std::string, Bytes> evidence;
    bool may_be_evicted = false;
  };
  std::map<CaseId, Kept> cases;
  std::set<CaseId> removed;
  uint64_t counted = 0;
};

VaultOptions options_with(os::Fs& fs) {
  return {.quota = 64 << 20, .keep_free = 0, .reserved_headers = 4, .threads = 1, .fs = &fs};
}

void check_attached(Promises& promises, const CaseId& id, const std::string& name,
                    const Bytes& bytes, const Result<std::vector<Attached>>& attached) {
  if (attached.ok() && attached->front().kept) promises.cases[id].evidence[name] = bytes;
}

// A day in the life of a vault. Goes on after failures as a caller would.
void live(const std::string& path, os::Fs& fs, Promises& promises) {
  auto opened = Vault::open(path, options_with(fs));
  if (!opened.ok()) return;
  Vault& vault = *opened;
  std::vector<CaseId> ids;
  for (uint32_t i = 0; i < 3; ++i) {
    const auto begun = vault.begin(crash("kind"));
    if (!begun.ok()) continue;
    const CaseId id = *begun;
    ids.push_back(id);
    promises.cases[id].may_be_evicted = i > 0;  // never the first of its kind
    const Bytes& slim = noise(3000, i);
    const Bytes& core = noise(1'600'000, i / 2 + 10);
    const NewAttachment first[] = {{.name = "slim", .role = Role::kSlim, .source = ByteView(slim)}};
    check_attached(promises, id, "slim", slim, vault.attach(id, first));
    const NewAttachment second[] = {
        {.name = "core", .role = Role::kFull, .source = ByteView(core)}};
    check_attached(promises, id, "core", core, vault.attach(id, second));
    const std::string headline = "because " + std::to_string(i);
    if (vault.update(id, {.headline = headline}).ok()) promises.cases[id].headline = headline;
    if (vault.finish(id).ok()) promises.cases[id].finished = true;
  }
  if (vault.count(crash("counted")).ok()) ++promises.counted;
  if (ids.size() == 3) {
    if (vault.pin(ids[1], true).ok()) promises.cases[ids[1]].pinned = true;
    promises.cases.erase(ids[2]);  // whether removing it failed or not
    if (vault.remove(ids[2]).ok()) promises.removed.insert(ids[2]);
  }
  (void)vault.collect_garbage().ok();
}

void check(const std::string& path, const Promises& promises, const std::string& when) {
  SCOPED_TRACE(when);
  FaultyFs fs(path);
  auto opened = Vault::open(path, options_with(fs));
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  for (int round = 0; round < 2; ++round) {
    for (const auto& [id, kept] : promises.cases) {
      const auto found = opened->find(id);
      ASSERT_TRUE(found.ok()) << found.error().message();
      EXPECT_EQ(found->header.signature, "kind");
      EXPECT_TRUE(kept.headline.empty() || found->header.headline == kept.headline);
      EXPECT_TRUE(!kept.finished || found->state == State::kComplete);
      EXPECT_TRUE(!kept.pinned || found->pinned);
      for (const auto& [name, bytes] : kept.evidence) {
        const Attachment* attachment = found->find(name);
        ASSERT_NE(attachment, nullptr);
        const bool evicted = !attachment->kept && attachment->why.starts_with("given up");
        if (kept.may_be_evicted && evicted) continue;  // pinned later, perhaps
        const auto read = opened->read_bytes(*found, name, 4 << 20);
        ASSERT_TRUE(read.ok()) << name << ": " << read.error().message();
        EXPECT_EQ(*read, bytes);
      }
    }
    for (const CaseId& id : promises.removed) EXPECT_FALSE(opened->find(id).ok());
    EXPECT_GE(opened->stats()->counted, promises.counted);
    EXPECT_LE(opened->stats()->counted, promises.counted + 1);
    // And it goes on working.
    const Bytes& more = noise(100'000, 99);
    const NewAttachment evidence[] = {
        {.name = "core", .role = Role::kFull, .source = ByteView(more)}};
    const auto deposited = opened->deposit(crash("after"), evidence);
    ASSERT_TRUE(deposited.ok()) << deposited.error().message();
    EXPECT_TRUE(deposited->attached.front().kept);
    ASSERT_TRUE(opened->collect_garbage().ok());
  }
  EXPECT_TRUE(opened->stats()->damage.empty()) << opened->stats()->damage.front();
}

// Thousands of small vaults are made: in memory where that is large enough.
class Faults : public ::testing::Test {
 protected:
  Faults() : directory_(create_directory()) {}

  static os::TempDirectory create_directory() {
    struct statvfs space = {};
    const bool roomy = ::statvfs("/dev/shm", &space) == 0 &&
                       uint64_t{space.f_bavail} * space.f_frsize > (uint64_t{256} << 20);
    if (roomy && ::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
    return *os::TempDirectory::create();
  }

  uint64_t calls_of_a_day() {
    FaultyFs fs(directory_.file("rehearsal"));
    Promises promises;
    live(directory_.file("rehearsal"), fs, promises);
    EXPECT_EQ(promises.cases.size(), 2U);
    EXPECT_EQ(promises.removed.size(), 1U);
    EXPECT_EQ(promises.cases.begin()->second.evidence.size(), 2U);
    EXPECT_GT(fs.calls(), 50U);
    return fs.calls();
  }

  os::TempDirectory directory_;
};

TEST_F(Faults, EachCallMayFail) {
  const uint64_t calls = calls_of_a_day();
  for (const auto fault : {FaultyFs::Fault::kOnce, FaultyFs::Fault::kForever}) {
    for (const int error : {EIO, ENOSPC}) {
      for (uint64_t n = 1; n <= calls; ++n) {
        const auto place = *os::TempDirectory::create();
        FaultyFs fs(place.file("vault"));
        fs.fail(fault, n, error);
        Promises promises;
        live(place.file("vault"), fs, promises);
        check(place.file("vault"), promises,
              "call " + std::to_string(n) + " fails with " + std::to_string(error));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(Faults, AFullDiskHasRoomForAThousandHeadersThenCrashesAreCounted) {
  FaultyFs fs(directory_.file("vault"));
  VaultOptions options = options_with(fs);
  options.reserved_headers = 1000;
  auto vault = Vault::open(directory_.file("vault"), options);
  ASSERT_TRUE(vault.ok());
  const Bytes& core = noise(100'000, 1);
  const NewAttachment evidence[] = {
      {.name = "core", .role = Role::kFull, .source = ByteView(core)}};
  ASSERT_TRUE(vault->deposit(crash("kind"), evidence)->attached[0].kept);
  fs.fill_disk(true);
  CaseHeader wordy = crash("kind");
  wordy.command_line = std::string(5000, 'x');
  wordy.missing.assign(20, std::string(200, 'y'));
  const Bytes& other = noise(100'000, 2);
  const NewAttachment more[] = {{.name = "core", .role = Role::kFull, .source = ByteView(other)}};
  const auto refused = vault->deposit(wordy, more);
  ASSERT_TRUE(refused.ok()) << refused.error().message();
  EXPECT_FALSE(refused->attached[0].kept);
  size_t kept = 2, lost = 0;
  while (lost < 3 && kept < 5000) {
    const auto begun = vault->begin(wordy);
    ++(begun.ok() ? kept : lost);
    if (begun.ok()) continue;
    EXPECT_NE(begun.error().message().find("only counted"), std::string::npos);
  }
  EXPECT_GE(kept, 1000U);
  EXPECT_EQ(vault->stats()->lost, 3U);
  fs.fill_disk(false);
  ASSERT_TRUE(vault->deposit(wordy, more)->attached[0].kept);
  auto again = Vault::open(directory_.file("vault"), options_with(fs));
  EXPECT_EQ(again->list()->size(), kept + 1);
  EXPECT_EQ(again->stats()->lost, 3U);
  EXPECT_TRUE(again->stats()->damage.empty());
}

TEST_F(Faults, AStreamThatFindsTheDiskFullAtItsEndIsRefusedAndNotGivenUp) {
  FaultyFs fs(directory_.file("vault"));
  auto vault = Vault::open(directory_.file("vault"), options_with(fs));
  ASSERT_TRUE(vault.ok());
  const CaseId id = *vault->begin(crash("kind"));
  auto stream = vault->attach_stream(id, "core", Role::kFull);
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE((*stream)->append(noise(100'000, 1)).ok());
  fs.fill_disk(true);
  EXPECT_FALSE((*stream)->commit()->kept);
  EXPECT_EQ(vault->find(id)->find("core")->size, 0U);
  EXPECT_EQ(vault->stats()->refused, 1U);
  EXPECT_EQ(vault->stats()->evicted, 0U);
}

TEST_F(Faults, PowerMayBeLostAtEachCall) {
  const uint64_t calls = calls_of_a_day();
  for (uint64_t n = 1; n <= calls + 1; ++n) {
    const auto place = *os::TempDirectory::create();
    FaultyFs fs(place.file("vault"));
    fs.fail(FaultyFs::Fault::kStop, n, EIO);
    Promises promises;
    live(place.file("vault"), fs, promises);
    const auto lose = [&](const char* name, FaultyFs::Unsynced unsynced, uint32_t seed) {
      fs.lose_power(place.file(name), unsynced, seed);
      check(place.file(name), promises, "power lost at call " + std::to_string(n) + ", " + name);
    };
    lose("lost", FaultyFs::Unsynced::kLost, 0);
    lose("kept", FaultyFs::Unsynced::kKept, 0);
    for (uint32_t seed = 1; seed <= 4; ++seed) {
      lose(("mixed" + std::to_string(seed)).c_str(), FaultyFs::Unsynced::kMixed,
           seed * 1000 + static_cast<uint32_t>(n));
    }
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// A vault whose next collection of garbage writes the index anew, gives cores up, and writes packs
// anew for what is left in them.
void prepare_garbage(const std::string& path, os::Fs& fs, Promises& promises) {
  auto vault = Vault::open(path, options_with(fs));
  ASSERT_TRUE(vault.ok());
  CaseHeader wide = crash("history");
  wide.command_line = std::string(8000, 'x');
  for (int i = 0; i < 140; ++i) {
    const auto id = vault->begin(wide);
    ASSERT_TRUE(id.ok() && vault->finish(*id).ok() && vault->remove(*id).ok());
  }
  for (uint32_t i = 0; i < 4; ++i) {
    const Bytes& slim = noise(200'000, 200 + i);
    const Bytes& core = noise(900'000, 300 + i);
    const NewAttachment evidence[] = {
        {.name = "slim", .role = Role::kSlim, .source = ByteView(slim)},
        {.name = "core", .role = Role::kFull, .source = ByteView(core)}};
    const auto deposited = vault->deposit(crash("kind"), evidence);
    ASSERT_TRUE(deposited.ok() && deposited->attached[1].kept);
    Promises::Kept& kept = promises.cases[deposited->id];
    kept.finished = true;
    kept.may_be_evicted = i > 0;
    kept.evidence = {{"slim", slim}, {"core", core}};
  }
}

TEST_F(Faults, CollectingGarbageMayBeInterruptedAtEachCall) {
  bool finished = false;
  for (uint64_t n = 1; !finished; ++n) {
    ASSERT_LT(n, 200U);
    const auto place = *os::TempDirectory::create();
    FaultyFs fs(place.file("vault"));
    Promises promises;
    prepare_garbage(place.file("vault"), fs, promises);
    VaultOptions small = options_with(fs);
    small.quota = 3'400'000;
    auto vault = Vault::open(place.file("vault"), small);
    ASSERT_TRUE(vault.ok());
    fs.fail(FaultyFs::Fault::kStop, fs.calls() + n, EIO);
    const auto freed = vault->collect_garbage();
    finished = !fs.stopped();
    if (finished) {
      ASSERT_TRUE(freed.ok()) << freed.error().message();
      EXPECT_GE(freed->packs_rewritten, 1U);
      EXPECT_LT(vault->stats()->index_bytes, 100'000U);
    }
    for (const auto unsynced :
         {FaultyFs::Unsynced::kLost, FaultyFs::Unsynced::kKept, FaultyFs::Unsynced::kMixed}) {
      const std::string name = "lost" + std::to_string(static_cast<int>(unsynced));
      fs.lose_power(place.file(name), unsynced, static_cast<uint32_t>(n));
      check(place.file(name), promises, "garbage, call " + std::to_string(n) + ", " + name);
    }
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

}  // namespace
}  // namespace inquest::vault
