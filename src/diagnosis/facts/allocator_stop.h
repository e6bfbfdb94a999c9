// A process that died inside its allocator without a word: musl's malloc executes an instruction
// that only the kernel may use when a check fails, and free() follows what a block's header says
// before it checks anything.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/heap_questions.h"
#include "diagnosis/facts/site.h"
#include "process/heap/heap.h"

namespace inquest::diagnosis {

struct AllocatorStop {
  process::Allocator* allocator = nullptr;
  std::string how;  // one sentence
  // What it had been given, or was about to hand out, when a register still tells.
  std::optional<HeapQuestion> pointer;
  bool was_given = false;  // free() or realloc() was given `pointer`
};

// `facts`: with the fault filled in.
std::optional<AllocatorStop> find_allocator_stop(
    const Site& site, const Facts& facts,
    std::span<const std::unique_ptr<process::Allocator>> allocators);

}  // namespace inquest::diagnosis
