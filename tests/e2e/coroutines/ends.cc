// Coroutines that end badly, by the first argument: see main().
#include <coroutine>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

std::vector<std::coroutine_handle<>> ready;

struct Later {
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> handle) { ready.push_back(handle); }
  void await_resume() {}
};

struct Job {
  struct promise_type {
    std::coroutine_handle<> continuation;
    Job get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void unhandled_exception() { std::terminate(); }
    void return_void() {}
  };
  std::coroutine_handle<promise_type> handle;
};

int* nowhere = nullptr;

Job fetch(int n) {
  co_await Later{};
  if (n == 0) *nowhere = 1;  // CRASH
}

Job other(int) { co_await Later{}; }

// Yields numbers to who asks for them: nobody awaits it.
struct Numbers {
  struct promise_type {
    int value = 0;
    Numbers get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int next) {
      value = next;
      return {};
    }
    void unhandled_exception() { std::terminate(); }
    void return_void() {}
  };
  std::coroutine_handle<promise_type> handle;
  int next() {
    handle.resume();
    return handle.promise().value;
  }
};

Numbers count(int* from) {
  for (int i = 0;; ++i) co_yield from[i];
}

__attribute__((noinline)) void pump() {
  while (!ready.empty()) {
    auto next = ready.back();
    ready.pop_back();
    next.resume();
  }
}

int main(int, char** arguments) {
  const char* what = arguments[1];
  Job job = fetch(std::strcmp(what, "finished") == 0 ? 1 : 0);
  if (std::strcmp(what, "alone") == 0) {
    job.handle.resume();
    pump();
  }
  if (std::strcmp(what, "finished") == 0) {
    job.handle.resume();
    pump();
    ready.push_back(job.handle);
    pump();
  }
  if (std::strcmp(what, "circle") == 0) {
    Job second = other(1);
    second.handle.resume();
    ready.clear();
    job.handle.promise().continuation = second.handle;
    second.handle.promise().continuation = job.handle;
    job.handle.resume();
    pump();
  }
  if (std::strcmp(what, "wild") == 0) {
    char block[64];
    std::memset(block, 0x41, sizeof block);
    job.handle.promise().continuation = std::coroutine_handle<>::from_address(block + 8);
    job.handle.resume();
    pump();
  }
  if (std::strcmp(what, "waiter_destroyed") == 0) {
    Job second = other(1);
    second.handle.resume();
    ready.clear();
    job.handle.promise().continuation = second.handle;
    second.handle.destroy();
    job.handle.resume();
    pump();
  }
  if (std::strcmp(what, "destroyed") == 0) {
    job.handle.resume();
    job.handle.destroy();
    pump();
  }
  if (std::strcmp(what, "generator") == 0) {
    Numbers numbers = count(nowhere);
    return numbers.next();
  }
  return 0;
}
