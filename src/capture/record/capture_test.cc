// capture() and the closer look on children of this test that stand still or crash.
#include "capture/record/capture.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <functional>

#include "capture/record/closer_look.h"

namespace inquest::capture {
namespace {

// A child that does `work` and then waits for its end.
class Child {
 public:
  explicit Child(const std::function<void()>& work) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      work();
      static_cast<void>(::write(ends[1], "x", 1) == 0);
      while (true) ::pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

class CaptureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Made before the fork, so that the test knows the addresses in the child.
    heap_ = map();
    hidden_ = map();
    ::madvise(hidden_, kPage, MADV_DONTDUMP);
    std::memset(heap_, 'h', kPage);
    std::memset(hidden_, 's', kPage);
  }
  void TearDown() override {
    ::munmap(heap_, kPage);
    ::munmap(hidden_, kPage);
  }
  static char* map() {
    void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return static_cast<char*>(page);
  }
  static Result<Captured> take(pid_t pid, const LookOptions& options) {
    INQ_TRY(const Proc process, Proc::open(pid));
    INQ_TRY(StoppedProcess stopped,
            StoppedProcess::stop(process, pid, [](pid_t) { return false; }, {}));
    Held held{.threads = stopped.threads(), .some_left_out = false, .how = "ptrace"};
    INQ_TRY(Captured captured, capture(process, std::move(held), 0, std::nullopt, {}));
    look_at_held(process, options, {}, captured);
    return captured;
  }

  char* heap_ = nullptr;
  char* hidden_ = nullptr;
};

// What is said of an analysis that did not come to its end.
std::string why_incomplete(const Captured& captured) {
  for (const LeftOut& missing : captured.left_out) {
    if (missing.what == "memory that only the analysis knows to look for") return missing.why;
  }
  return {};
}

Address at(const char* pointer) { return Address(reinterpret_cast<uintptr_t>(pointer)); }

TEST_F(CaptureTest, TheAnalysisDecidesWhatElseIsKept) {
  const Child child([] {});
  LookOptions options;
  options.budget = std::chrono::seconds(10);
  options.analyse = [&](ByteView, std::unique_ptr<process::MemoryReader> memory) {
    const auto bytes = memory->view(at(heap_), kPage);
    if (bytes.size() != kPage || bytes[7] != 'h') ::abort();
    // No mapping, and no bytes.
    if (!memory->view(Address(8), 8).empty()) ::abort();
    if (memory->why_missing(Address(8)) != process::Missing::kUnmapped) ::abort();
  };
  const auto captured = take(child.pid(), options);
  ASSERT_TRUE(captured.ok()) << captured.error().message();
  EXPECT_EQ(captured->pages.load<char>(at(heap_)), 'h');
  EXPECT_EQ(why_incomplete(*captured), "");
}

TEST_F(CaptureTest, WhatIsNotToBeDumpedIsForgottenThoughTheAnalysisReadIt) {
  const Child child([] {});
  LookOptions options;
  options.budget = std::chrono::seconds(10);
  options.flags_budget = std::chrono::seconds(10);
  options.analyse = [&](ByteView, std::unique_ptr<process::MemoryReader> memory) {
    static_cast<void>(memory->load<char>(at(hidden_)));
    static_cast<void>(memory->load<char>(at(heap_)));
  };
  const auto captured = take(child.pid(), options);
  ASSERT_TRUE(captured.ok());
  EXPECT_TRUE(captured->pages.has(at(heap_)));
  EXPECT_FALSE(captured->pages.has(at(hidden_)));
}

TEST_F(CaptureTest, WithoutTimeToLearnWhatIsHiddenNothingUnsureIsKept) {
  const Child child([] {});
  LookOptions options;
  options.budget = std::chrono::seconds(10);
  options.flags_budget = std::chrono::milliseconds(0);
  options.analyse = [&](ByteView, std::unique_ptr<process::MemoryReader> memory) {
    static_cast<void>(memory->load<char>(at(hidden_)));
  };
  const auto captured = take(child.pid(), options);
  ASSERT_TRUE(captured.ok());
  EXPECT_FALSE(captured->pages.has(at(hidden_)));
}

TEST_F(CaptureTest, AnAnalysisThatTakesTooLongIsEndedAndSaidSo) {
  const Child child([] {});
  LookOptions options;
  options.budget = std::chrono::milliseconds(30);
  options.analyse = [&](ByteView, std::unique_ptr<process::MemoryReader> memory) {
    static_cast<void>(memory->load<char>(at(heap_)));
    while (true) ::pause();
  };
  const auto start = std::chrono::steady_clock::now();
  const auto captured = take(child.pid(), options);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  ASSERT_TRUE(captured.ok());
  EXPECT_TRUE(captured->pages.has(at(heap_)));  // what it had read by then is kept
  EXPECT_EQ(why_incomplete(*captured), "its time was over");
}

TEST_F(CaptureTest, AnAnalysisThatDiesHarmsNobody) {
  const Child child([] {});
  LookOptions options;
  options.analyse = [](ByteView, std::unique_ptr<process::MemoryReader>) { ::raise(SIGKILL); };
  const auto captured = take(child.pid(), options);
  ASSERT_TRUE(captured.ok());
  EXPECT_EQ(why_incomplete(*captured), "it died of signal 9");
}

// A process and its fork: the first is captured, the second looked at.
class CopyTest : public CaptureTest {
 protected:
  void SetUp() override {
    CaptureTest::SetUp();
    not_copied_ = map();
    wiped_ = map();
    area_ = static_cast<char*>(
        ::mmap(nullptr, kArea, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ::munmap(not_copied_, kPage);  // only the process has it
    ::madvise(wiped_, kPage, MADV_WIPEONFORK);
  }
  void TearDown() override {
    ::munmap(wiped_, kPage);
    ::munmap(area_, kArea);
    CaptureTest::TearDown();
  }
  // Nothing points to it.
  char* far() const { return area_ + 40 * kPage; }
  Result<Captured> look() const {
    const Child process([&] {
      ::mmap(not_copied_, kPage, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
      std::memset(not_copied_, 'n', kPage);
      std::memset(wiped_, 'w', kPage);
    });
    const Child copy([&] { std::memset(far(), 'c', kPage); });
    INQ_TRY(const Proc original, Proc::open(process.pid()));
    INQ_TRY(const Proc copied, Proc::open(copy.pid()));
    INQ_TRY(StoppedProcess stopped,
            StoppedProcess::stop(original, process.pid(), [](pid_t) { return false; }, {}));
    Held held{.threads = stopped.threads(), .some_left_out = false, .how = "ptrace"};
    INQ_TRY(Captured captured, capture(original, std::move(held), 0, std::nullopt, {}));
    LookOptions options;
    options.analyse = [&](ByteView, std::unique_ptr<process::MemoryReader> memory) {
      if (memory->load<char>(at(far())) != 'c') ::abort();
      if (memory->load<char>(at(hidden_))) ::abort();
      // What was not pointed to is absent.
      if (memory->load<char>(at(not_copied_)).value_or('n') != 'n') ::abort();
      if (memory->load<char>(at(wiped_)).value_or('w') != 'w') ::abort();
    };
    look_at_copy(copied, RemoteMemory(copied), options, {}, captured);
    return captured;
  }

  static constexpr size_t kArea = 64 * kPage;
  char* area_ = nullptr;
  char* not_copied_ = nullptr;
  char* wiped_ = nullptr;
};

TEST_F(CopyTest, WhatTheCopyHasNotIsAbsentAndNotZero) {
  const auto captured = look();
  ASSERT_TRUE(captured.ok()) << captured.error().message();
  EXPECT_EQ(why_incomplete(*captured), "");
  EXPECT_EQ(captured->pages.load<char>(at(far())), 'c');
  EXPECT_FALSE(captured->pages.has(at(hidden_)));
  EXPECT_EQ(captured->pages.load<char>(at(wiped_)).value_or('w'), 'w');
  const auto flags = captured->flags.find(at(not_copied_).value);
  ASSERT_NE(flags, captured->flags.end());
  EXPECT_TRUE(flags->second.not_inherited);
}

TEST_F(CopyTest, OfACopyThatWasKilledNothingUnsureIsKept) {
  const Child process([&] {});
  const auto original = Proc::open(process.pid());
  ASSERT_TRUE(original.ok());
  auto captured = take(process.pid(), {});
  ASSERT_TRUE(captured.ok());
  captured->pages.add(at(hidden_), Bytes(kPage, 's'));
  std::optional<Child> copy([&] {});
  const auto copied = Proc::open(copy->pid());
  ASSERT_TRUE(copied.ok());
  const RemoteMemory memory(*copied);
  copy.reset();
  LookOptions options;
  options.analyse = [](ByteView, std::unique_ptr<process::MemoryReader>) {};
  look_at_copy(*copied, memory, options, {}, *captured);
  EXPECT_FALSE(captured->pages.has(at(hidden_)));
  EXPECT_EQ(captured->left_out.back().why.find("the copy was killed"), 0);
}

TEST_F(CaptureTest, AProcessThatIsGoneIsAnError) {
  pid_t pid = 0;
  {
    const Child child([] {});
    pid = child.pid();
  }
  EXPECT_FALSE(take(pid, {}).ok());
}

TEST_F(CaptureTest, TheProcessGoesOnAfterwards) {
  const Child child([] {});
  ASSERT_TRUE(take(child.pid(), {}).ok());
  const auto process = Proc::open(child.pid());
  ASSERT_TRUE(process.ok());
  const auto text = process->read("status", 1 << 16);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("TracerPid:\t0"), std::string::npos);
  const ProcessStatus status = parse_status(*text);
  EXPECT_TRUE(status.state == 'S' || status.state == 'R') << status.state;
}

}  // namespace
}  // namespace inquest::capture
