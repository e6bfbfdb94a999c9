#include "process/unwind/unwind.h"

#include <fmt/format.h>

#include <algorithm>

#include "process/unwind/cycle.h"
#include "process/unwind/walker.h"

namespace inquest::process {
namespace {

// Which frames of a deep stack stay: a few stretches, in order.
struct Kept {
  struct Stretch {
    size_t begin = 0, end = 0;
  };
  std::vector<Stretch> stretches;
};

// The outermost frames say how the thread began: so many of them stay in any case.
constexpr size_t kOutermostKept = 256;

// Cuts `stretch` down to its first and last frames, `excess` fewer.
void cut_middle(std::vector<Kept::Stretch>& stretches, size_t which, size_t excess, Stack& stack) {
  const Kept::Stretch whole = stretches[which];
  const size_t left = whole.end - whole.begin - excess;
  const size_t tail = std::min(left / 2, kOutermostKept);
  const size_t head = left - tail;
  stretches[which].end = whole.begin + head;
  stretches.insert(stretches.begin() + static_cast<ptrdiff_t>(which) + 1,
                   {whole.end - tail, whole.end});
  size_t before = 0;
  for (size_t i = 0; i <= which; ++i) before += stretches[i].end - stretches[i].begin;
  stack.omitted = OmittedFrames{.before = before, .count = excess};
  stack.notes.push_back({fmt::format("{} frames in the middle are left out", excess), {}});
}

// Sets stack.cycle and stack.omitted, and says which of the walked frames are to be kept.
Kept plan(std::span<const uint64_t> pcs, size_t max_kept, Stack& stack) {
  Kept kept;
  stack.cycle = find_cycle(pcs);
  if (stack.cycle) {
    const Cycle& cycle = *stack.cycle;
    kept.stretches = {{0, cycle.first + cycle.period},
                      {cycle.first + cycle.period * cycle.count, pcs.size()}};
  } else {
    kept.stretches = {{0, pcs.size()}};
  }
  size_t total = 0, largest = 0;
  for (size_t i = 0; i < kept.stretches.size(); ++i) {
    const auto size = [&](size_t s) { return kept.stretches[s].end - kept.stretches[s].begin; };
    total += size(i);
    if (size(i) > size(largest)) largest = i;
  }
  if (total <= max_kept) return kept;
  const size_t excess = total - max_kept;
  const Kept::Stretch& cut = kept.stretches[largest];
  if (excess >= cut.end - cut.begin) return kept;  // max_kept is too small to make sense
  if (stack.cycle && largest == 0) {
    // The cycle's first round is the end of this stretch: split it off, so that it stays.
    const size_t first = stack.cycle->first;
    kept.stretches.insert(kept.stretches.begin() + 1, {first, first + stack.cycle->period});
    kept.stretches[0].end = first;
    const size_t possible = std::min(excess, first);
    cut_middle(kept.stretches, 0, possible, stack);
    stack.cycle->first -= possible;  // counted in kept frames
  } else {
    cut_middle(kept.stretches, largest, excess, stack);
  }
  return kept;
}

}  // namespace

struct Unwinder::State {
  State(const ProcessImage& image, const ModuleSet& modules)
      : memory(modules.memory()),
        cfi(cfi_of_modules(modules, *image.memory, image.arch)),
        sites(image, memory, *cfi),
        stack_words(memory) {}

  const MemoryReader& memory;
  std::unique_ptr<CfiSource> cfi;
  CodeSites sites;
  StackWords stack_words;
};

Unwinder::Unwinder(const ProcessImage& image, const ModuleSet& modules)
    : state_(std::make_unique<State>(image, modules)) {}

Unwinder::~Unwinder() = default;

Stack Unwinder::walk(const Thread& thread, const UnwindOptions& options) {
  return walk_from(thread.registers, options);
}

Stack Unwinder::walk_from(const isa::RegisterFile& registers, const UnwindOptions& options) {
  return walk_stack(registers, state_->sites, state_->stack_words, options);
}

std::optional<AddressRange> Unwinder::function_at(Address pc) {
  return state_->sites.function_at(pc);
}

std::optional<bool> Unwinder::is_as_at_entry(Address pc) {
  uint64_t bias = 0;
  const auto row = state_->cfi->row_at(pc, &bias);
  if (!row) return std::nullopt;
  const isa::Arch arch = state_->sites.image().arch;
  const bool a64 = arch == isa::Arch::kAArch64;
  if (row->cfa.kind != dwarf::CfaRule::Kind::kRegister || row->cfa.reg != isa::sp_register(arch) ||
      row->cfa.offset != (a64 ? 0 : 8))
    return false;
  if (!a64) return true;
  const dwarf::RegisterRule* link = row->rule_for(isa::a64::kLr);
  return link == nullptr || link->kind == dwarf::RegisterRule::Kind::kSameValue;
}

namespace {

// States of the walker on its way, so that any stretch of a deep stack can be walked again.
constexpr size_t kCheckpointDistance = 1024;

std::vector<Frame> only(const Kept& kept, std::vector<Frame> all) {
  std::vector<Frame> frames;
  for (const Kept::Stretch& stretch : kept.stretches) {
    const auto begin = all.begin() + static_cast<ptrdiff_t>(stretch.begin);
    const auto end = all.begin() + static_cast<ptrdiff_t>(stretch.end);
    frames.insert(frames.end(), begin, end);
  }
  return frames;
}

std::vector<Frame> walk_again(const std::vector<Walker>& checkpoints, const Kept& kept) {
  std::vector<Frame> frames;
  for (const Kept::Stretch& stretch : kept.stretches) {
    if (stretch.begin >= stretch.end) continue;
    const size_t from = stretch.begin / kCheckpointDistance;
    Walker walker = checkpoints[from];
    for (size_t i = from * kCheckpointDistance; i < stretch.end; ++i) {
      const bool more = walker.find_caller();
      if (i >= stretch.begin) frames.push_back(walker.current());
      if (!more) break;
      walker.move_up();
    }
  }
  return frames;
}

}  // namespace

Stack walk_stack(const isa::RegisterFile& registers, CodeSites& sites, StackWords& words,
                 const UnwindOptions& options) {
  Stack stack;
  std::vector<uint64_t> pcs;
  std::vector<Walker> checkpoints;
  Walker walker(registers, sites, words);
  constexpr size_t kUsualDepth = 64;
  pcs.reserve(kUsualDepth);
  stack.frames.reserve(std::min(kUsualDepth, options.max_kept));
  bool more = true;
  while (more && pcs.size() < options.max_frames) {
    if (!pcs.empty()) walker.move_up();
    if (pcs.size() % kCheckpointDistance == 0) checkpoints.push_back(walker);
    more = walker.find_caller();
    pcs.push_back(walker.current().pc.value);
    if (stack.frames.size() < options.max_kept) stack.frames.push_back(walker.current());
  }
  stack.total_frames = pcs.size();
  stack.end = more ? StackEnd::kFrameLimit : walker.end();
  stack.corrupt = walker.corrupt();
  stack.notes = std::move(walker.notes());
  if (more) stack.notes.push_back({fmt::format("stopped after {} frames", pcs.size()), {}});

  const Kept kept = plan(pcs, options.max_kept, stack);
  if (stack.frames.size() < pcs.size()) {
    stack.frames = walk_again(checkpoints, kept);
  } else if (stack.cycle) {
    stack.frames = only(kept, std::move(stack.frames));
  }
  return stack;
}

}  // namespace inquest::process
