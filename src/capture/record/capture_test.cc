// capture() on children of this test that stand still or crash.
#include "capture/record/capture.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <functional>

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
  static Result<Captured> take(pid_t pid, const CaptureOptions& options) {
    INQ_TRY(const Proc process, Proc::open(pid));
    INQ_TRY(StoppedProcess stopped,
            StoppedProcess::stop(process, pid, [](pid_t) { return false; }, options.stop));
    Held held{.threads = stopped.threads(), .some_left_out = false, .how = "ptrace"};
    return capture(process, std::move(held), 0, std::nullopt, options);
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
  CaptureOptions options;
  options.analysis_budget = std::chrono::seconds(10);
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
  CaptureOptions options;
  options.analysis_budget = std::chrono::seconds(10);
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
  CaptureOptions options;
  options.analysis_budget = std::chrono::seconds(10);
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
  CaptureOptions options;
  options.analysis_budget = std::chrono::milliseconds(30);
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
  CaptureOptions options;
  options.analyse = [](ByteView, std::unique_ptr<process::MemoryReader>) { ::raise(SIGKILL); };
  const auto captured = take(child.pid(), options);
  ASSERT_TRUE(captured.ok());
  EXPECT_EQ(why_incomplete(*captured), "it died of signal 9");
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
