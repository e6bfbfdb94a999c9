// A server's three coroutines: serve() awaits session(), which awaits read_header(), which crashes. The stack has only
// the loop that resumed it. Macros choose where a promise keeps the handle of the one that awaits it.
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

std::vector<std::coroutine_handle<>> ready;

struct Later {
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> handle) { ready.push_back(handle); }
  void await_resume() {}
};

#if defined(IN_OPTIONAL)
struct Waiting {
  int before = 1;
  std::optional<std::coroutine_handle<>> waiter;
  void set(std::coroutine_handle<> handle) { waiter = handle; }
  std::coroutine_handle<> get() { return waiter.value_or(std::noop_coroutine()); }
};
#elif defined(BEHIND_POINTER)
// As a latch of several awaited ones: the handle is not in the promise.
struct Latch {
  std::coroutine_handle<> waiter;
};
struct Waiting {
  Latch* latch = nullptr;
  void set(std::coroutine_handle<> handle) { latch = new Latch{handle}; }
  std::coroutine_handle<> get() { return latch != nullptr ? latch->waiter : std::noop_coroutine(); }
};
#elif defined(ALIGNED)
struct alignas(64) Waiting {
  char name[24] = "worker";
  std::coroutine_handle<> continuation;
  void set(std::coroutine_handle<> handle) { continuation = handle; }
  std::coroutine_handle<> get() { return continuation ? continuation : std::noop_coroutine(); }
};
#elif defined(WITH_OTHERS)
// Its own handle, and that of one that it started and that nobody awaits.
struct Waiting {
  std::coroutine_handle<> self, started, continuation;
  void set(std::coroutine_handle<> handle) { continuation = handle; }
  std::coroutine_handle<> get() { return continuation ? continuation : std::noop_coroutine(); }
};
#else
struct Waiting {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  void set(std::coroutine_handle<> handle) { continuation = handle; }
  std::coroutine_handle<> get() { return continuation; }
};
#endif

template <typename T>
struct Task {
  struct promise_type : Waiting {
    T value{};
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> done) noexcept {
        return done.promise().get();
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void unhandled_exception() { std::terminate(); }
    void return_value(T result) { value = result; }
  };

  std::coroutine_handle<promise_type> handle;
  explicit Task(std::coroutine_handle<promise_type> of) : handle(of) {}
  Task(Task&& other) : handle(std::exchange(other.handle, {})) {}
  ~Task() {
    if (handle) handle.destroy();
  }
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
    handle.promise().set(waiter);
    return handle;
  }
  T await_resume() { return handle.promise().value; }
};

struct Conn {
  int fd;
  char* buffer;
  long seen;
};

Task<int> unrelated(int n) {
  co_await Later{};
  co_return n;
}

Task<int> read_header(Conn& conn, int limit) {
  int total = 0;
  for (int i = 0; i < limit; ++i) {
    co_await Later{};
    total += i;
    conn.seen = total;
    if (i == 2) conn.buffer[i] = 1;  // CRASH
  }
  co_return total;
}

Task<int> session(Conn& conn) {
  co_await Later{};
#if defined(WITH_OTHERS)
  Task<int> side = unrelated(1);
  side.handle.resume();
#endif
  Task<int> header = read_header(conn, 5);
#if defined(WITH_OTHERS)
  header.handle.promise().self = header.handle;
  header.handle.promise().started = side.handle;
#endif
  int n = co_await std::move(header);  // SESSION AWAITS
  co_await Later{};
  co_return n + 1;
}

template <typename Connection>
struct Server {
  Connection conn{3, nullptr, 0};
  Task<int> serve(int) {
    co_await Later{};
    int n = co_await session(conn);  // SERVE AWAITS
    co_return n;
  }
};

int main() {
  Server<Conn> server;
  auto task = server.serve(1);
  ready.push_back(task.handle);
  while (!ready.empty()) {
    auto next = ready.back();
    ready.pop_back();
    next.resume();
  }
  return task.handle.promise().value;
}
