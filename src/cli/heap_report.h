// What `inquest heap` says, as values; printed as text or JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/heap/census.h"
#include "process/heap/reachability.h"
#include "process/heap/roots.h"

namespace inquest::cli {

struct HeapPointer {
  std::string from;  // "rbx of thread 71", "the stack of thread 71", "libfoo.so", "the heap"
  Address at;        // of the pointer; null for registers
  Address to;
};

// One address in detail.
struct HeapAnswer {
  Address address;
  process::Located located;
  std::string type, type_by, contents;
  std::vector<HeapPointer> pointers;
  bool heap_searched = true;  // false: it was too large to look for pointers in it
  bool more_pointers = false;
};

struct HeapOfAllocator {
  std::string name;
  std::vector<process::HeapRegion> regions;
  std::optional<process::Census> census;
  std::optional<HeapAnswer> answer;
  std::vector<process::HeapDamage> damage;
  std::vector<std::string> notes;
};

struct HeapReport {
  std::string source;
  std::vector<HeapOfAllocator> allocators;
  std::optional<Address> address;  // that was asked for
  std::optional<process::Unreachable> unreachable;
};

std::string render_heap_text(const HeapReport& report);
std::string render_heap_json(const HeapReport& report);  // docs/formats/heap-json.md

}  // namespace inquest::cli
