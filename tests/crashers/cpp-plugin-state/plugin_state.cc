#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

struct Clock {
  long now = 0;
  long step = 10;
};

class Plugin {
 public:
  explicit Plugin(int id) : id_(id), ticks_(0) {}
  void attach(Clock* clock) { clock_ = clock; }
  long tick();

 private:
  int id_;
  int ticks_;
  long budget_ = 100;
  Clock* clock_;
  long window_[3] = {};
};

__attribute__((noinline)) long Plugin::tick() {
  ticks_++;
  clock_->now += clock_->step;  // CRASH
  return clock_->now + ticks_ + id_;
}

__attribute__((noinline)) static size_t parse_manifest(const char* line) {
  char* copy = new char[sizeof(Plugin)];
  std::strncpy(copy, line, sizeof(Plugin));
  size_t size = strnlen(copy, sizeof(Plugin));
  __asm__ volatile("" ::"r"(copy) : "memory");
  delete[] copy;
  return size;
}

static long run(Clock& clock) {
  size_t size = parse_manifest("name=throttle version=3 api=2 entry=create_throttle");
  auto plugin = std::make_unique<Plugin>(static_cast<int>(size));
  if (size > 60) plugin->attach(&clock);
  long now = 0;
  for (int i = 0; i < 4; i++) now = plugin->tick();
  return now;
}

int main() {
  Clock clock;
  std::printf("%ld\n", run(clock));
}
