#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

enum class State : uint8_t { kIdle, kHandshake, kOpen, kClosing };

[[noreturn]] inline void unexpected() {
  __builtin_trap();  // CRASH
}

class Connection {
 public:
  void restore(const std::string& saved) { state_ = static_cast<State>(saved[0] - '0'); }
  int advance(int events);

 private:
  State state_ = State::kIdle;
  int bytes_ = 0;
};

__attribute__((noinline)) int Connection::advance(int events) {
  switch (state_) {
    case State::kIdle:
      state_ = State::kHandshake;
      return bytes_ + 1;
    case State::kHandshake:
      state_ = State::kOpen;
      return bytes_ += events;
    case State::kOpen:
      bytes_ += events * 100;
      if (bytes_ > 1000) state_ = State::kClosing;
      return bytes_;
    case State::kClosing:
      return 0;
  }
  unexpected();  // CRASH-ALSO
}

static int replay(const std::vector<std::string>& saved) {
  int bytes = 0;
  for (const auto& state : saved) {
    Connection connection;
    connection.restore(state);
    for (int i = 0; i < 3; i++) bytes += connection.advance(i);
  }
  return bytes;
}

int main() { std::printf("%d\n", replay({"0", "2", "7"})); }
