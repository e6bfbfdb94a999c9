#pragma once
#include <atomic>

struct State {
  const char* source;
  long* total;
  long ticks;
};

class Feed {
 public:
  explicit Feed(const char* source);
  void stop();
  long tick();
  std::atomic<int> ticks_done{0};
  std::atomic<bool> stopped{false};

 private:
  State* state_;
  long total_ = 0;
};
