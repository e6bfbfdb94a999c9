#include "diagnosis/facts/bystanders.h"

#include "diagnosis/facts/frames.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kAtOnce = 256;  // stacks in memory with all their registers
// Frames of all threads together: a thread is told with its own frames up to the first, with frames
// that nobody had before up to the second.
constexpr size_t kFramesOneByOne = 24'000;
constexpr size_t kMaxFrames = 60'000;

}  // namespace

bool Bystanders::walk_some(std::set<Address>& addresses) {
  walked_.clear();
  const auto& threads = input_.image.threads;
  for (; input_.all_threads && next_ < threads.size() && walked_.size() < kAtOnce; ++next_) {
    if (next_ == told_) continue;
    walked_.push_back({threads[next_], input_.unwinder.walk(threads[next_])});
    tails_.restore(walked_.back().stack);
    for (const process::Frame& frame : walked_.back().stack.frames)
      addresses.insert(frame.lookup_pc());
  }
  return !walked_.empty();
}

Bystanders::Key Bystanders::key_of(const Walked& walked) {
  const process::Stack& stack = walked.stack;
  std::vector<uint64_t> values;
  values.reserve(stack.frames.size() + 3);
  for (const process::Frame& frame : stack.frames) {
    values.push_back(frame.pc.value);
    values.push_back(static_cast<uint64_t>(frame.how) << 8 | static_cast<uint64_t>(frame.trust));
  }
  values.push_back(stack.total_frames);
  values.push_back(static_cast<uint64_t>(stack.end));
  values.push_back(static_cast<uint64_t>(stack.corrupt));
  return {walked.thread.name, std::move(values)};
}

void Bystanders::describe(std::vector<StackFacts>& stacks) {
  for (const Walked& walked : walked_) {
    const auto [at, fresh] = seen_.try_emplace(key_of(walked), stacks.size());
    if (!fresh && frames_ >= kFramesOneByOne) {
      stacks[at->second].alike.push_back(walked.thread.tid);
    } else if (frames_ >= kMaxFrames) {
      if (fresh) seen_.erase(at);
      ++left_out_;
    } else {
      frames_ += walked.stack.frames.size();
      stacks.push_back(describe_stack(walked.thread, walked.stack, input_.symbols));
      runtimes_.describe(walked.thread, walked.stack, stacks.back());
      if (coroutines_ != nullptr) coroutines_->describe(walked.stack, stacks.back());
    }
  }
  walked_.clear();
}

}  // namespace inquest::diagnosis
