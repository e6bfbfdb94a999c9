#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

struct Budget {
  int remaining = 0;
  int used = 0;
};

class Caller {
 public:
  void on_failure(std::function<bool()> callback) { callback_ = std::move(callback); }
  int call(int failures);

 private:
  std::function<bool()> callback_;
};

__attribute__((noinline)) int Caller::call(int failures) {
  int attempts = 1;
  for (int i = 0; i < failures; i++) {
    if (!callback_()) break;
    attempts++;
  }
  return attempts;
}

__attribute__((noinline)) static void make_retry(Caller& caller, Budget* shared, int limit) {
  Budget* budget = shared;
  budget->remaining = limit;
  caller.on_failure([&budget] {
    if (budget->remaining-- <= 0) return false;  // CRASH
    budget->used++;
    return true;
  });
}

__attribute__((noinline)) static uint64_t seal(const std::string& text) {
  volatile uint64_t block[128];
  for (size_t i = 0; i < 128; i++)
    block[i] = 0x6a09e667f3bcc908u ^ static_cast<unsigned char>(text[i % text.size()]);
  return block[5] ^ block[90];
}

int main() {
  Caller caller;
  Budget budget;
  make_retry(caller, &budget, 3);
  uint64_t sealed = seal("session-ticket");
  int attempts = caller.call(5);
  std::printf("%d %llx\n", attempts, static_cast<unsigned long long>(sealed));
}
