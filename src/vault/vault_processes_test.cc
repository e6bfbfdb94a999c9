// Several processes at one vault, some of them killed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "platform/os/directories.h"
#include "platform/os/fd.h"
#include "vault/vault.h"

namespace inquest::vault {
namespace {

constexpr VaultOptions kOptions = {
    .quota = uint64_t{1} << 30, .keep_free = 0, .reserved_headers = 16, .threads = 1};

CaseHeader header_of(const std::string& signature) {
  CaseHeader header;
  header.signature = signature;
  header.fidelity = Fidelity::kFull;
  return header;
}

// What case number `n` of a writer holds: partly its own, partly everybody's.
Bytes evidence_of(uint32_t writer, uint32_t n) {
  std::mt19937 shared(n % 3), own(writer * 1000 + n);
  Bytes bytes(150'000);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(i < 65'536 ? shared() : own());
  }
  return bytes;
}

struct Receipt {
  char id[kCaseIdDigits];
  uint32_t writer, n;
};

// Deposits until it is killed or has done `count`; tells each acknowledged case to `pipe`.
void deposit_and_tell(const std::string& path, uint32_t writer, uint32_t count, int pipe) {
  auto vault = Vault::open(path, kOptions);
  if (!vault.ok()) _exit(1);
  for (uint32_t n = 0; n < count; ++n) {
    const Bytes core = evidence_of(writer, n);
    const NewAttachment evidence[] = {
        {.name = "core", .role = Role::kFull, .source = ByteView(core)}};
    const auto deposited = vault->deposit(header_of(std::to_string(writer)), evidence);
    if (!deposited.ok() || !deposited->attached[0].kept) _exit(2);
    Receipt receipt{.id = {}, .writer = writer, .n = n};
    std::memcpy(receipt.id, deposited->id.data(), sizeof(receipt.id));
    if (::write(pipe, &receipt, sizeof(receipt)) != ssize_t(sizeof(receipt))) _exit(3);
  }
  _exit(0);
}

struct Writer {
  pid_t pid = 0;
  os::Fd receipts;
};

Writer start(const std::string& path, uint32_t number, uint32_t count) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Writer writer;
  writer.receipts = os::Fd(ends[0]);
  const os::Fd write_end(ends[1]);
  writer.pid = ::fork();
  if (writer.pid == 0) deposit_and_tell(path, number, count, write_end.get());
  return writer;
}

Receipt first_receipt(Writer& writer) {
  Receipt receipt{};
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(&receipt), sizeof(receipt));
  EXPECT_EQ(*os::read_some(writer.receipts.get(), bytes), sizeof(receipt));
  return receipt;
}

std::vector<Receipt> receipts_of(Writer& writer) {
  std::vector<Receipt> receipts;
  Receipt receipt{};
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(&receipt), sizeof(receipt));
  while (*os::read_some(writer.receipts.get(), bytes) == sizeof(receipt)) {
    receipts.push_back(receipt);
  }
  return receipts;
}

void check(Vault& vault, const std::vector<Receipt>& receipts) {
  for (const Receipt& receipt : receipts) {
    const auto found = vault.find(std::string(receipt.id, kCaseIdDigits));
    ASSERT_TRUE(found.ok()) << found.error().message();
    EXPECT_EQ(found->state, State::kComplete);
    const auto core = vault.read_bytes(*found, "core", 1 << 20);
    ASSERT_TRUE(core.ok()) << core.error().message();
    EXPECT_EQ(*core, evidence_of(receipt.writer, receipt.n));
  }
}

TEST(Processes, WhatAKilledWriterWasToldIsThere) {
  const auto directory = *os::TempDirectory::create();
  const std::string path = directory.file("vault");
  std::mt19937 random(1);
  std::vector<Receipt> all;
  for (uint32_t round = 0; round < 20; ++round) {
    Writer writer = start(path, round, 1'000'000);
    // Every other round it is killed in what comes behind its first receipt, however slow it is.
    std::vector<Receipt> receipts;
    if (round % 2 == 0) receipts.push_back(first_receipt(writer));
    ::usleep(static_cast<useconds_t>(random() % 150'000));
    ::kill(writer.pid, SIGKILL);
    int status = 0;
    ::waitpid(writer.pid, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    const auto others = receipts_of(writer);
    receipts.insert(receipts.end(), others.begin(), others.end());
    all.insert(all.end(), receipts.begin(), receipts.end());
    auto vault = Vault::open(path, kOptions);
    ASSERT_TRUE(vault.ok()) << vault.error().message();
    check(*vault, receipts);
    if (round % 5 != 4) continue;
    ASSERT_TRUE(vault->collect_garbage().ok());
  }
  EXPECT_GE(all.size(), 10U);
  auto vault = Vault::open(path, kOptions);
  check(*vault, all);
  ASSERT_TRUE(vault->collect_garbage().ok());
  const std::vector<Case> cases = *vault->list();
  for (const Case& one : cases) EXPECT_NE(one.state, State::kReceiving);
  EXPECT_TRUE(vault->stats()->damage.empty());
}

TEST(Processes, ManyWritersAndACollectorShareOneVault) {
  const auto directory = *os::TempDirectory::create();
  const std::string path = directory.file("vault");
  std::vector<Writer> writers;
  for (uint32_t i = 0; i < 6; ++i) writers.push_back(start(path, i, 12));
  auto vault = Vault::open(path, kOptions);
  ASSERT_TRUE(vault.ok());
  std::vector<Receipt> all;
  for (Writer& writer : writers) {
    ASSERT_TRUE(vault->collect_garbage().ok());
    ASSERT_TRUE(vault->list().ok());
    const auto receipts = receipts_of(writer);
    EXPECT_EQ(receipts.size(), 12U);
    all.insert(all.end(), receipts.begin(), receipts.end());
    int status = 0;
    ::waitpid(writer.pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
  check(*vault, all);
  ASSERT_TRUE(vault->collect_garbage().ok());
  check(*vault, all);
  EXPECT_EQ(vault->list()->size(), 72U);
}

TEST(Processes, AReaderIsNotKeptWaitingByAWriter) {
  const auto directory = *os::TempDirectory::create();
  const std::string path = directory.file("vault");
  auto vault = Vault::open(path, kOptions);
  ASSERT_TRUE(vault.ok());
  ASSERT_TRUE(vault->begin(header_of("a")).ok());
  const os::Fd lock(::open((path + "/lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);  // a reader that waits dies
    auto reader = Vault::open(path, {.read_only = true});
    _exit(reader.ok() && reader->list().ok() && reader->list()->size() == 1 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace inquest::vault
