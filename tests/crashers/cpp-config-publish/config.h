#pragma once
#include <atomic>

struct Routes {
  long version;
  int ports[8];
};

struct Shared {
  std::atomic<bool> ready{false};
  std::atomic<bool> seen{false};
  Routes* routes = nullptr;
};

class Loader {
 public:
  explicit Loader(Shared& shared) : shared_(shared) {}
  void publish(int base);

 private:
  Shared& shared_;
};

class Worker {
 public:
  explicit Worker(Shared& shared) : shared_(shared) {}
  int route(int key);
  void run();

 private:
  Shared& shared_;
  long routed_ = 0;
};
