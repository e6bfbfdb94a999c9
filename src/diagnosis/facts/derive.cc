#include "diagnosis/facts/derive.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "diagnosis/facts/abort.h"
#include "diagnosis/facts/bystanders.h"
#include "diagnosis/facts/coroutines.h"
#include "diagnosis/facts/cxx_exception.h"
#include "diagnosis/facts/fault.h"
#include "diagnosis/facts/frames.h"
#include "diagnosis/facts/heap.h"
#include "diagnosis/facts/origin.h"
#include "diagnosis/facts/own_handler.h"
#include "diagnosis/facts/process_facts.h"
#include "diagnosis/facts/run_time_code.h"
#include "diagnosis/facts/runtimes.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/facts/site.h"
#include "diagnosis/facts/told.h"
#include "diagnosis/facts/user_place.h"
#include "process/symbols/tail_calls.h"

namespace inquest::diagnosis {
namespace {

// Threads whose stacks are searched for the signal frame of an original fault.
constexpr size_t kMaxThreadsSearched = 512;

// The thread to tell about, and where in its stack the story begins.
struct Scene {
  size_t thread = 0;
  process::Stack stack;
  size_t frame = 0;
  process::Signal signal;
  bool own_handler = false;
};

size_t chosen_thread(const DeriveInput& input) {
  if (!input.thread) return input.image.crashed_thread;
  const auto& threads = input.image.threads;
  const auto found = std::find_if(threads.begin(), threads.end(),
                                  [&](const process::Thread& t) { return t.tid == *input.thread; });
  return found == threads.end() ? input.image.crashed_thread
                                : static_cast<size_t>(found - threads.begin());
}

bool take_interrupted_place(const DeriveInput& input, Scene& scene) {
  const auto place = find_interrupted_place(input.image, input.modules, scene.stack);
  if (!place) return false;
  scene.frame = place->frame;
  scene.signal = place->signal;
  scene.own_handler = true;
  return true;
}

// A process that ended itself may have done so on behalf of another thread, which still sits in its
// signal handler.
bool was_sent(const process::Signal& signal) { return signal.code && *signal.code <= 0; }

process::Stack walk(const DeriveInput& input, const process::Thread& thread,
                    process::TailCalls& tails) {
  process::Stack stack = input.unwinder.walk(thread);
  tails.restore(stack);
  return stack;
}

Scene find_scene(const DeriveInput& input, process::TailCalls& tails) {
  const process::ProcessImage& image = input.image;
  Scene scene;
  scene.thread = chosen_thread(input);
  if (scene.thread >= image.threads.size()) return scene;
  const process::Thread& thread = image.threads[scene.thread];
  const bool crashed = scene.thread == image.crashed_thread;
  scene.stack = walk(input, thread, tails);
  if (crashed) scene.signal = image.signal;
  if (thread.signal && thread.signal->number != 0) scene.signal = *thread.signal;
  if (take_interrupted_place(input, scene) || input.thread || !was_sent(image.signal)) return scene;
  const size_t last = std::min(image.threads.size(), kMaxThreadsSearched);
  for (size_t i = 0; i < last; ++i) {
    if (i == scene.thread) continue;
    Scene other;
    other.thread = i;
    other.stack = walk(input, image.threads[i], tails);
    if (take_interrupted_place(input, other)) return other;
  }
  return scene;
}

void find_places(const Scene& scene, Facts& facts) {
  facts.crash_frame = scene.frame;
  if (facts.abort.kind != AbortFacts::Kind::kNone) {
    facts.crash_frame = first_frame_below_abort(facts.crashing, scene.frame);
  }
  size_t from = facts.crash_frame;
  // A pc without code is in no function, whatever module it may lie in.
  if (facts.fault && facts.fault->pc_is_bad && facts.fault->frame == scene.frame &&
      facts.fault->instruction.empty())
    ++from;
  if (facts.fault && facts.fault->frame > from) from = facts.fault->frame;
  set_places(from, facts);
}

void add_details(const DeriveInput& input, const Scene& scene, Facts& facts) {
  const auto matters = [&](size_t i) {
    return input.full || i == facts.crash_frame || i == facts.open_frame() ||
           (facts.fault && i == facts.fault->frame);
  };
  for (size_t i = 0; i < facts.crashing.frames.size() && i < scene.stack.frames.size(); ++i) {
    if (!matters(i)) continue;
    FrameFact& frame = facts.crashing.frames[i];
    const process::Module* module = input.modules.find(frame.pc);
    add_source(frame, module != nullptr ? module->found_path() : std::string());
    if (input.variables != nullptr) add_variables(scene.stack, i, *input.variables, frame);
  }
}

// All addresses at once: a symbol table is then read in one pass.
void prefetch_names(const DeriveInput& input, std::set<Address> addresses, const Scene* scene) {
  if (scene != nullptr) {
    for (const process::Frame& frame : scene->stack.frames) addresses.insert(frame.lookup_pc());
  }
  input.symbols.prefetch(std::vector<Address>(addresses.begin(), addresses.end()));
}

void tell_of_others(const DeriveInput& input, Bystanders& others, Facts& facts) {
  for (bool more = true; more;) {
    others.describe(facts.others);
    std::set<Address> addresses;
    more = others.walk_some(addresses);
    prefetch_names(input, std::move(addresses), nullptr);
  }
  if (others.left_out() == 0) return;
  facts.missing.push_back(
      {fmt::format("{} of the {} threads have stacks like no other and are left out",
                   others.left_out(), input.image.threads.size()),
       {}});
  facts.advice.emplace_back("inquest explain with --thread tells about one of them");
}

void describe_signals(const DeriveInput& input, const Scene& scene, Facts& facts) {
  facts.signal = describe_signal(input.image.signal, input.image);
  if (!scene.own_handler) return;
  facts.own_handler = true;
  facts.delivered = facts.signal;
  facts.signal = describe_signal(scene.signal, input.image);
}

void add_handler_fact(const Scene& scene, Facts& facts) {
  if (!scene.own_handler || !facts.delivered) return;
  Fact fact;
  fact.statement =
      fmt::format("the process caught {} with a handler of its own and then ended with {}",
                  facts.signal.name, facts.delivered->name);
  fact.evidence.push_back({Evidence::Kind::kSignal,
                           fmt::format("signal frame of {} on the stack of thread {}",
                                       facts.signal.name, facts.crashing.tid),
                           std::nullopt, scene.frame > 0 ? scene.frame - 1 : 0});
  facts.other.push_back(std::move(fact));
}

}  // namespace

Facts derive(const DeriveInput& input) {
  Facts facts;
  facts.process = describe_process(input.image, input.modules);
  process::TailCalls tails(input.image, input.modules, input.unwinder, input.symbols);
  Scene scene = find_scene(input, tails);
  Runtimes runtimes(input.image, input.modules, input.full);
  std::optional<CoroutineFacts> coroutines;
  if (input.variables != nullptr) coroutines.emplace(input.variables->evidence(), input.symbols);
  Bystanders others(input, tails, runtimes, coroutines && input.full ? &*coroutines : nullptr,
                    scene.thread);
  std::set<Address> addresses;
  others.walk_some(addresses);
  prefetch_names(input, std::move(addresses), &scene);
  describe_signals(input, scene, facts);
  tell_of_others(input, others, facts);
  if (scene.thread < input.image.threads.size()) {
    const process::Thread& thread = input.image.threads[scene.thread];
    facts.crashing = describe_stack(thread, scene.stack, input.symbols);
    mark_run_time_code(input.modules, facts.crashing);
    runtimes.describe(thread, scene.stack, facts.crashing);
    if (coroutines) coroutines->describe(scene.stack, facts.crashing);
    const MemoryMap map(input.image, input.modules);
    const AddressClassifier classifier(map, input.modules, &input.symbols);
    const Site site{.image = input.image,
                    .modules = input.modules,
                    .map = map,
                    .classifier = classifier,
                    .symbols = input.symbols,
                    .variables = input.variables,
                    .stack = scene.stack,
                    .thread = scene.thread,
                    .frame = scene.frame,
                    .signal = scene.signal};
    facts.fault = describe_fault(site, facts.crashing);
    if (coroutines && facts.fault && facts.fault->pc_is_bad && facts.fault->kind != "return")
      facts.fault->finished_coroutine = coroutines->finished(site.registers());
    facts.abort = describe_abort(site, facts.crashing);
    // What a function returned to was written over.
    if (facts.fault && facts.fault->pc_is_bad && facts.fault->kind == "return")
      facts.crashing.corrupt = true;
    find_places(scene, facts);
    facts.heap = describe_heap(site, facts);
    add_details(input, scene, facts);
    facts.origin = trace_origin(site, facts);
    add_handler_fact(scene, facts);
    if (facts.abort.kind == AbortFacts::Kind::kNone) {
      if (auto handled = find_handled_exception(site)) facts.other.push_back(*std::move(handled));
    }
  }
  runtimes.conclude(facts);
  facts.process.language = language_of(facts);
  facts.modules = describe_modules(input.modules, facts.crashing);
  facts.inconsistent_modules = find_inconsistent_modules(input.modules, facts.modules);
  add_missing(input.image, input.modules, facts);
  add_missing_debug_information(input.symbols.debug_infos().notes(), facts);
  add_told(input.image, facts);
  return facts;
}

}  // namespace inquest::diagnosis
