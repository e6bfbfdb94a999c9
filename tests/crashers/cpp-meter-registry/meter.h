#pragma once
#include <memory>
#include <string>
#include <vector>

struct Sink {
  long written = 0;
  std::string prefix;
};

class Meter {
 public:
  Meter(const char* name, const char* unit);
  void attach(Sink* sink);
  void count(long by) { value_ += by; }
  void report();

 private:
  char name_[24];
  char unit_[8];
  long value_;
  Sink* sink_;
};

class Registry {
 public:
  explicit Registry(Sink* sink) : sink_(sink) {}
  Meter* add(const char* name, const char* unit, bool hidden);
  void flush();

 private:
  Sink* sink_;
  std::vector<std::unique_ptr<Meter>> meters_;
};
