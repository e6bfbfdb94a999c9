#include "process/heap/glibc_heap.h"
#include "process/heap/heap.h"
#include "process/heap/jemalloc_heap.h"
#include "process/heap/mimalloc_heap.h"
#include "process/heap/musl_heap.h"
#include "process/heap/tcmalloc_heap.h"

namespace inquest::process {

std::string_view to_string(BlockState state) {
  switch (state) {
    case BlockState::kLive:
      return "live";
    case BlockState::kFreed:
      return "freed";
    case BlockState::kUnused:
      return "unused";
    case BlockState::kInternal:
      return "internal";
    case BlockState::kUnknown:
      return "unknown";
  }
  return "unknown";
}

HeapInput heap_input(const ProcessImage& image, const ModuleSet& modules) {
  return {.image = image, .modules = &modules, .memory = modules.memory()};
}

// Allocators that are linked into the program come before the C library's own, which is there
// anyway: glibc's, or else musl's.
std::vector<std::unique_ptr<Allocator>> recognise(const HeapInput& input) {
  std::vector<std::unique_ptr<Allocator>> found;
  const auto add = [&](std::vector<std::unique_ptr<Allocator>> more) {
    for (auto& allocator : more) found.push_back(std::move(allocator));
  };
  const RootWords words(input);
  add(recognise_jemalloc(words));
  add(recognise_tcmalloc(words));
  add(recognise_mimalloc(input));
  auto glibc = recognise_glibc(input);
  add(glibc.empty() ? recognise_musl(input) : std::move(glibc));
  return found;
}

}  // namespace inquest::process
