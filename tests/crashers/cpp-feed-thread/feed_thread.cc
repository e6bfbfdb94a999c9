#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

class Feed {
 public:
  explicit Feed(std::string name) : name_(std::move(name)) {}
  ~Feed() { stop(); }
  void restart(int interval_ms);
  void stop() {
    running_ = false;
    if (reader_.joinable()) reader_.join();
  }
  long ticks() const { return ticks_; }

 private:
  void read(int interval_ms) {
    while (running_) {
      ticks_++;
      std::this_thread::sleep_for(std::chrono::milliseconds(interval_ms));
    }
  }
  std::string name_;
  std::atomic<bool> running_{false};
  std::atomic<long> ticks_{0};
  std::thread reader_;
};

__attribute__((noinline)) void Feed::restart(int interval_ms) {
  running_ = true;
  reader_ = std::thread([this, interval_ms] { read(interval_ms); });  // CRASH
}

static long run(const char* name) {
  Feed feed(name);
  feed.restart(5);
  feed.restart(2);
  feed.stop();
  return feed.ticks();
}

int main() { std::printf("%ld\n", run("market-data")); }
