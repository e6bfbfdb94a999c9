#include "capture/supervise/stderr_tail.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

namespace inquest::capture {
namespace {

// Our own stderr is a pipe for a while, whose other end is read or not.
class Redirected {
 public:
  Redirected() : before_(::dup(STDERR_FILENO)) {
    std::array<int, 2> ends;
    EXPECT_EQ(::pipe(ends.data()), 0);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
    read_end_ = os::Fd(ends[0]);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() { ::dup2(before_.get(), STDERR_FILENO); }

 private:
  os::Fd before_, read_end_;
};

void write_all(const StderrTail& tail, const std::string& text) {
  ASSERT_EQ(::write(tail.for_program(), text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
}

TEST(StderrTail, WhatWasWrittenJustBeforeTheQuestionIsInTheAnswer) {
  const Redirected redirected;
  StderrTail tail(true);
  std::string all;
  for (int line = 0; line < 500; ++line) {
    const std::string text = "line " + std::to_string(line) + "\n";
    write_all(tail, text);
    all += text;
    ASSERT_EQ(tail.last_lines(), all);
  }
}

TEST(StderrTail, NobodyWaitsForEverWhereStderrIsNotRead) {
  std::unique_ptr<StderrTail> tail;
  {
    const Redirected redirected;  // 64 KiB fit into it
    tail = std::make_unique<StderrTail>(true);
    const std::string text(4095, 'x');
    for (int line = 0; line < 24; ++line) write_all(*tail, text + "\n");
    EXPECT_GE(tail->last_lines().size(), 4096U);
  }
  tail.reset();  // what its thread waited to write to is gone by now
}

}  // namespace
}  // namespace inquest::capture
