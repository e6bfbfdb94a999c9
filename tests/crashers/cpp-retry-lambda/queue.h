#pragma once
#include <functional>
#include <vector>

struct Route {
  const char* host;
  long hops;
};

struct Letter {
  const Route* route;
  long size;
};

long deliver(const Letter& letter);

class Queue {
 public:
  void push(std::function<long()> job) { jobs_.push_back(std::move(job)); }
  long drain();

 private:
  std::vector<std::function<long()>> jobs_;
};
