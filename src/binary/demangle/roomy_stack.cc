#include "binary/demangle/roomy_stack.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>

// AddressSanitizer must be told of a switch of stacks.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INQ_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define INQ_ASAN 1
#endif
#ifdef INQ_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace inquest::demangle {
namespace {

constexpr size_t kGuardSize = 64 * 1024;

struct Switch {
  void (*function)(void*);
  void* argument;
  ucontext_t caller;
  ucontext_t callee;
  const void* caller_stack = nullptr;
  size_t caller_stack_size = 0;
};

// makecontext passes ints only.
void enter(unsigned high, unsigned low) {
  auto* state = reinterpret_cast<Switch*>(uintptr_t{high} << 32 | uintptr_t{low});
#ifdef INQ_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &state->caller_stack, &state->caller_stack_size);
#endif
  state->function(state->argument);
#ifdef INQ_ASAN
  __sanitizer_start_switch_fiber(nullptr, state->caller_stack, state->caller_stack_size);
#endif
}

void switch_to(Switch& state, void* stack) {
  state.callee.uc_stack.ss_sp = stack;
  state.callee.uc_stack.ss_size = kRoomyStackSize;
  state.callee.uc_link = &state.caller;
  const auto address = reinterpret_cast<uintptr_t>(&state);
  makecontext(&state.callee, reinterpret_cast<void (*)()>(enter), 2,
              static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
#ifdef INQ_ASAN
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, stack, kRoomyStackSize);
#endif
  swapcontext(&state.caller, &state.callee);
#ifdef INQ_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

}  // namespace

bool call_on_roomy_stack(void (*function)(void*), void* argument) {
  constexpr size_t kMapping = kGuardSize + kRoomyStackSize;
  void* mapping = mmap(nullptr, kMapping, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) return false;
  void* stack = static_cast<char*>(mapping) + kGuardSize;
  bool ran = false;
  Switch state{};
  state.function = function;
  state.argument = argument;
  if (mprotect(stack, kRoomyStackSize, PROT_READ | PROT_WRITE) == 0 &&
      getcontext(&state.callee) == 0) {
    switch_to(state, stack);
    ran = true;
  }
  munmap(mapping, kMapping);
  return ran;
}

}  // namespace inquest::demangle
