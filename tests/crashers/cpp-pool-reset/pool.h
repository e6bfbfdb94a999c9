#pragma once
#include <vector>

struct Arena {
  long used = 0;
  char bytes[120];
};

class Worker {
 public:
  explicit Worker(Arena* arena) : arena_(arena) {}
  long run(long bytes);
  bool idle() const { return runs_ == 0; }
  void forget() { arena_ = nullptr; }

 private:
  long runs_ = 0;
  Arena* arena_;
};

class Pool {
 public:
  explicit Pool(int workers);
  void trim();
  Worker& worker(int i) { return workers_[i]; }

 private:
  std::vector<Worker> workers_;
};
