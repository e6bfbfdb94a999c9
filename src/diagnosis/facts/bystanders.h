// Bystanders: the threads beside the one that is told about, in the order of the dump.
//
// A process may have fifty thousand threads, nearly all of them waiting in the same place. They are
// walked a few hundred at a time, and from some number on a stack that was told already is only
// counted, so that memory follows what there is to tell.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "diagnosis/facts/coroutines.h"
#include "diagnosis/facts/derive.h"
#include "diagnosis/facts/runtimes.h"
#include "process/symbols/tail_calls.h"

namespace inquest::diagnosis {

class Bystanders {
 public:
  // `told` is the index of the thread that is told about. No bystanders unless input.all_threads.
  // `coroutines` may be nullptr.
  Bystanders(const DeriveInput& input, process::TailCalls& tails, Runtimes& runtimes,
             CoroutineFacts* coroutines, size_t told)
      : input_(input), tails_(tails), runtimes_(runtimes), coroutines_(coroutines), told_(told) {}

  // Walks the next few and adds the addresses of their frames. False when there are none left.
  bool walk_some(std::set<Address>& addresses);
  // Describes those that were walked last.
  void describe(std::vector<StackFacts>& stacks);
  // Threads that were left out: their stacks are like no other, and enough of those were told.
  size_t left_out() const { return left_out_; }

 private:
  struct Walked {
    const process::Thread& thread;
    process::Stack stack;
  };
  using Key = std::pair<std::string, std::vector<uint64_t>>;  // thread name, pcs and how it ended
  static Key key_of(const Walked& walked);

  const DeriveInput& input_;
  process::TailCalls& tails_;
  Runtimes& runtimes_;
  CoroutineFacts* coroutines_;
  size_t told_;
  size_t next_ = 0;
  std::vector<Walked> walked_;
  std::map<Key, size_t> seen_;  // index into the stacks
  size_t frames_ = 0;           // told
  size_t left_out_ = 0;
};

}  // namespace inquest::diagnosis
