#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "capture/collect/core_stream.h"
#include "capture/collect/kernel_log.h"
#include "capture/collect/kernel_socket.h"
#include "capture/collect/kinds.h"
#include "capture/collect/pattern_setting.h"
#include "capture/collect/policy.h"
#include "capture/collect/renounce.h"
#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "testing/core_builder.h"

namespace inquest::capture {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kHour = int64_t{3600} * 1'000'000'000;

class FakeSysctl {
 public:
  FakeSysctl() : directory_(std::move(*os::TempDirectory::create())) {
    places.sysctl = directory_.path() + "/sys";
    places.state = directory_.path() + "/state";
    std::filesystem::create_directories(places.sysctl + "/kernel");
  }
  void set(const std::string& text) { std::ofstream(pattern()) << text << "\n"; }
  std::string get() const {
    std::string text = *os::read_text_file(pattern(), 4096);
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
  std::string pattern() const { return places.sysctl + "/kernel/core_pattern"; }
  PatternPlaces places;

 private:
  os::TempDirectory directory_;
};

TEST(Pattern, WhatWasThereComesBack) {
  FakeSysctl sysctl;
  sysctl.set("|/usr/lib/systemd/systemd-coredump %P");
  auto change = set_pattern(sysctl.places, "@@/run/inquest/core.sock");
  ASSERT_TRUE(change.ok()) << change.error().message();
  EXPECT_TRUE(change->changed);
  EXPECT_EQ(sysctl.get(), "@@/run/inquest/core.sock");
  auto back = restore_pattern(sysctl.places);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(sysctl.get(), "|/usr/lib/systemd/systemd-coredump %P");
  EXPECT_EQ(restore_pattern(sysctl.places).error().code(), ErrorCode::kNotFound);
}

TEST(Pattern, SettingTwiceStillLeadsBackToTheFirst) {
  FakeSysctl sysctl;
  sysctl.set("core");
  ASSERT_TRUE(set_pattern(sysctl.places, "@@/run/one").ok());
  EXPECT_FALSE(set_pattern(sysctl.places, "@@/run/one")->changed);
  ASSERT_TRUE(set_pattern(sysctl.places, "@@/run/two").ok());
  ASSERT_TRUE(restore_pattern(sysctl.places).ok());
  EXPECT_EQ(sysctl.get(), "core");
}

TEST(Pattern, OneThatSomebodyElseHasSetSinceIsLeftAlone) {
  FakeSysctl sysctl;
  sysctl.set("core");
  ASSERT_TRUE(set_pattern(sysctl.places, "@@/run/one").ok());
  sysctl.set("|/usr/share/apport/apport %p");
  const auto change = restore_pattern(sysctl.places);
  ASSERT_TRUE(change.ok());
  EXPECT_FALSE(change->changed);
  EXPECT_THAT(change->remark, HasSubstr("somebody else"));
  EXPECT_EQ(sysctl.get(), "|/usr/share/apport/apport %p");
}

TEST(Pattern, OneThatTheKernelWouldCutIsRefused) {
  FakeSysctl sysctl;
  sysctl.set("core");
  EXPECT_EQ(set_pattern(sysctl.places, std::string(128, 'x')).error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(sysctl.get(), "core");
  EXPECT_EQ(pipe_pattern("/" + std::string(110, 'x')).error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(pipe_pattern("/opt/my programs/inquest").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_LE(pipe_pattern("/usr/bin/inquest")->size(), kMaxPatternBytes);
}

TEST(Pattern, AMissingSysctlIsAnErrorAndLeavesNoMemory) {
  FakeSysctl sysctl;
  EXPECT_FALSE(set_pattern(sysctl.places, "core").ok());
  EXPECT_FALSE(os::is_directory(sysctl.places.state));
}

TEST(Policy, FirstInFullThenSlimThenCounted) {
  PolicyRules rules;
  rules.slim = 2;
  EXPECT_EQ(decide(rules, std::nullopt, 0, 0).retain, Retain::kFull);
  EXPECT_EQ(decide(rules, KindHistory{.full = 1}, 0, 0).retain, Retain::kSlim);
  const Decision counted = decide(rules, KindHistory{.full = 1, .slim = 2}, 0, 0);
  EXPECT_EQ(counted.retain, Retain::kCountOnly);
  EXPECT_THAT(counted.reason, HasSubstr("3 of this kind"));
}

TEST(Policy, AKindThatWasNotSeenForLongIsNewAgain) {
  const PolicyRules rules;
  const KindHistory old{.full = 1, .slim = 20, .last_ns = 0};
  EXPECT_EQ(decide(rules, old, 23 * kHour, 0).retain, Retain::kCountOnly);
  EXPECT_EQ(decide(rules, old, 25 * kHour, 0).retain, Retain::kFull);
}

TEST(Policy, AHugeProcessIsKeptSlim) {
  PolicyRules rules;
  rules.max_full_bytes = 1000;
  EXPECT_EQ(decide(rules, std::nullopt, 0, 1001).retain, Retain::kSlim);
}

TEST(Policy, KindsDifferByProgramSignalAndPlace) {
  const CrashKind one{.executable = "/srv/shop", .signal = 11, .place = "shop+0x10"};
  CrashKind other = one;
  EXPECT_EQ(one.id(), other.id());
  other.place = "shop+0x14";
  EXPECT_NE(one.id(), other.id());
}

TEST(Kinds, RememberWhatWasDecided) {
  const auto directory = std::move(*os::TempDirectory::create());
  const std::string file = directory.file("kinds");
  const PolicyRules rules{.slim = 1};
  std::vector<Retain> seen;
  for (int i = 0; i < 4; ++i) {
    auto kinds = Kinds::open(file);  // each crash is another process's
    ASSERT_TRUE(kinds.ok());
    const auto decision =
        kinds->note(7, i, [&](const auto& history) { return decide(rules, history, i, 0); });
    ASSERT_TRUE(decision.ok());
    seen.push_back(decision->retain);
  }
  EXPECT_THAT(seen, ::testing::ElementsAre(Retain::kFull, Retain::kSlim, Retain::kCountOnly,
                                           Retain::kCountOnly));
}

TEST(Kinds, ADamagedFileIsBegunAnew) {
  const auto directory = std::move(*os::TempDirectory::create());
  std::ofstream(directory.file("kinds")) << "something else entirely, and not a multiple of 40";
  auto kinds = Kinds::open(directory.file("kinds"));
  ASSERT_TRUE(kinds.ok());
  bool was_new = false;
  const auto decision = kinds->note(7, 1, [&](const auto& history) {
    was_new = !history;
    return Decision{Retain::kSlim, ""};
  });
  EXPECT_TRUE(decision.ok());
  EXPECT_TRUE(was_new);
}

TEST(Kinds, TheOneNotSeenForLongestMakesRoom) {
  const auto directory = std::move(*os::TempDirectory::create());
  auto kinds = Kinds::open(directory.file("kinds"));
  ASSERT_TRUE(kinds.ok());
  const auto slim = [](const auto&) { return Decision{Retain::kSlim, ""}; };
  for (size_t i = 0; i <= Kinds::kMaxKinds; ++i)
    ASSERT_TRUE(kinds->note(100 + i, static_cast<int64_t>(i), slim).ok());
  bool first_known = false, last_known = false;
  ASSERT_TRUE(kinds
                  ->note(100 + Kinds::kMaxKinds, 99'999,
                         [&](const auto& history) {
                           last_known = history.has_value();
                           return Decision{Retain::kSlim, ""};
                         })
                  .ok());
  ASSERT_TRUE(kinds
                  ->note(100, 99'999,
                         [&](const auto& history) {
                           first_known = history.has_value();
                           return Decision{Retain::kSlim, ""};
                         })
                  .ok());
  EXPECT_TRUE(last_known);
  EXPECT_FALSE(first_known);
}

// A pipe that gets `bytes` from another thread, as from the kernel.
class Fed {
 public:
  explicit Fed(Bytes bytes) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end = os::Fd(ends[0]);
    feeder_ = std::thread([bytes = std::move(bytes), fd = ends[1]] {
      const os::Fd write_end(fd);
      static_cast<void>(os::write_all(fd, bytes).ok());
    });
  }
  ~Fed() {
    read_end.reset();
    feeder_.join();
  }
  os::Fd read_end;

 private:
  std::thread feeder_;
};

Bytes sample_core() {
  testing::CoreBuilder core;
  core.add_thread({.tid = 71, .pc = 0x401000, .sp = 0x7ffc0000, .current_signal = 11});
  core.add_siginfo(11, 1, 0x10);
  core.add_process(71, "shop");
  core.add_thread({.tid = 72, .pc = 0x402000, .sp = 0x7ffd0000});
  core.add_memory(0x7ffc0000, 0x300000, 6, Bytes(0x300000, 0x5a));
  core.add_memory(0x80000000, 0x1000, 6, {});
  return core.build();
}

TEST(CoreStream, TheHeadTellsSignalAndThreadsAndTheRestFollows) {
  const Bytes core = sample_core();
  signal(SIGPIPE, SIG_IGN);
  Fed fed(core);
  CoreStream stream(fed.read_end.get());
  const Status head = stream.read_head();
  ASSERT_TRUE(head.ok()) << head.error().message();
  EXPECT_EQ(stream.signal(), 11);
  ASSERT_EQ(stream.threads().size(), 2U);
  EXPECT_EQ(stream.threads()[0].tid, 71);
  EXPECT_EQ(stream.threads()[0].pc, Address(0x401000));
  EXPECT_EQ(stream.threads()[1].sp, Address(0x7ffd0000));
  EXPECT_FALSE(stream.threads()[0].siginfo.empty());
  EXPECT_TRUE(stream.threads()[1].siginfo.empty());
  EXPECT_EQ(stream.promised(), core.size());
  EXPECT_EQ(stream.dumped(), (std::map<uint64_t, bool>{{0x7ffc0000, true}, {0x80000000, false}}));
  Bytes all(stream.head().begin(), stream.head().end());
  const auto whole =
      stream.pump(std::chrono::steady_clock::now() + std::chrono::minutes(1), [&](ByteView piece) {
        all.insert(all.end(), piece.begin(), piece.end());
        return Status();
      });
  ASSERT_TRUE(whole.ok());
  EXPECT_TRUE(*whole);
  EXPECT_TRUE(all == core);
}

TEST(CoreStream, OneThatTakesTooLongIsCut) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const os::Fd reading(ends[0]), writing(ends[1]);
  CoreStream stream(reading.get());
  const auto whole = stream.pump(std::chrono::steady_clock::now() + std::chrono::milliseconds(5),
                                 [](ByteView) { return Status(); });
  ASSERT_TRUE(whole.ok());
  EXPECT_FALSE(*whole);
}

TEST(CoreStream, WhatIsNoCoreIsRefused) {
  signal(SIGPIPE, SIG_IGN);
  Bytes cut = sample_core();
  cut.resize(700);
  Bytes wild = sample_core();
  std::memset(wild.data() + 64, 0xff, 56);  // the first program header
  const std::pair<Bytes, ErrorCode> cases[] = {{Bytes(), ErrorCode::kTruncated},
                                               {Bytes(100, 'x'), ErrorCode::kCorrupt},
                                               {cut, ErrorCode::kTruncated},
                                               {wild, ErrorCode::kCorrupt}};
  for (const auto& [bytes, code] : cases) {
    Fed fed(bytes);
    CoreStream stream(fed.read_end.get());
    const Status head = stream.read_head();
    ASSERT_FALSE(head.ok());
    EXPECT_EQ(head.error().code(), code) << head.error().message();
  }
}

TEST(KernelLog, ALossIsToldWithTheKernelsWords) {
  const auto loss = parse_kernel_loss(
      "4,5357,17207715947,-;coredump: 18276(tiny): Coredump socket connection /run/x failed -2\n");
  ASSERT_TRUE(loss);
  EXPECT_EQ(loss->pid, 18276);
  EXPECT_EQ(loss->name, "tiny");
  EXPECT_THAT(loss->reason, HasSubstr("failed -2"));
}

TEST(KernelLog, AConnectionThatEndsBeforeTheKernelHasWaitedForItsEndIsNoLoss) {
  EXPECT_FALSE(parse_kernel_loss("4,1,2,-;coredump: 1705(fault): Coredump socket failed\n"));
  EXPECT_FALSE(parse_kernel_loss("4,1,2,-;coredump: 7(a): Coredump socket had unexpected data\n"));
}

TEST(KernelLog, OtherLinesAndThoseOfProgramsAreNoLosses) {
  EXPECT_FALSE(parse_kernel_loss("6,1,2,-;tiny[3]: segfault at 10 ip 0 sp 0 error 4"));
  EXPECT_FALSE(parse_kernel_loss("12,1,2,-;coredump: 5(liar): written by a program"));
  EXPECT_FALSE(parse_kernel_loss("4,1,2,-;coredump: nobody"));
  EXPECT_FALSE(parse_kernel_loss(""));
  EXPECT_FALSE(parse_kernel_loss("4"));
}

TEST(KernelSocket, SomebodyWhoDoesNotDieIsTurnedAway) {
  const auto directory = std::move(*os::TempDirectory::create());
  const std::string path = directory.file("core.sock");
  auto listening = KernelSocket::listen(path);
  ASSERT_TRUE(listening.ok()) << listening.error().message();
  const os::Fd client(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const auto connection = listening->accept();
  ASSERT_TRUE(connection.ok());
  const auto peer = identify_peer(connection->get());
  ASSERT_FALSE(peer.ok());  // also where the kernel is too old to say who it is
}

TEST(KernelSocket, ASecondCollectorIsToldOfTheFirst) {
  const auto directory = std::move(*os::TempDirectory::create());
  const std::string path = directory.file("core.sock");
  const auto first = KernelSocket::listen(path);
  ASSERT_TRUE(first.ok());
  const auto second = KernelSocket::listen(path);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().message(), HasSubstr("another collector"));
}

TEST(KernelSocket, APlaceThatOthersMayWriteToIsRefused) {
  const auto directory = std::move(*os::TempDirectory::create());
  const std::string path = directory.file("core.sock");
  for (const mode_t mode : {0777, 0770, 01777}) {
    ASSERT_EQ(chmod(std::filesystem::path(path).parent_path().c_str(), mode), 0);
    const auto listening = KernelSocket::listen(path);
    ASSERT_FALSE(listening.ok()) << mode;
    EXPECT_THAT(listening.error().message(), HasSubstr("others may write there"));
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST(Renounce, LeavesNoRights) {
  const pid_t child = fork();
  if (child == 0) {
    const bool done = renounce_rights(0, 0).ok();
    const bool open = ::open("/etc/shadow", O_RDONLY) >= 0;
    _exit(done && geteuid() != 0 && !open ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace inquest::capture
