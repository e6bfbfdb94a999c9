#pragma once
#include <vector>

using Callback = void (*)(void* context);

class Wheel {
 public:
  void add(int delay, Callback callback, void* context);
  void run(int ticks);

 private:
  struct Entry {
    int delay;
    Callback callback;
    void* context;
  };
  std::vector<Entry> entries_;
};
