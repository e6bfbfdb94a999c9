// Runtimes: the languages' own run times that are in the process, and what they know of its
// threads.
#pragma once

#include <memory>
#include <vector>

#include "diagnosis/facts/facts.h"
#include "process/modules/modules.h"
#include "process/runtime/runtime.h"

namespace inquest::diagnosis {

class Runtimes {
 public:
  // `image` and `modules` must outlive it. `full`: with the variables and the source of all frames,
  // else only of the one that matters.
  Runtimes(const process::ProcessImage& image, const process::ModuleSet& modules, bool full);
  ~Runtimes();

  // Adds to `facts`, which describe_stack() made of `thread` and `stack`.
  void describe(const process::Thread& thread, const process::Stack& stack, StackFacts& facts);
  // Which there are, what they say of the process, what they could not read, and the frame to open.
  void conclude(Facts& facts) const;

 private:
  void add(process::RecognisedRuntime found);

  std::vector<std::unique_ptr<process::Runtime>> runtimes_;
  std::vector<RuntimeFact> named_;  // those whose frames are not read
  std::vector<process::Note> notes_;
  bool full_;
};

}  // namespace inquest::diagnosis
