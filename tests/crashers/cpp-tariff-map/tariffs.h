#pragma once
#include <map>
#include <string>

struct Tariff {
  long base;
  long* steps;
};

class Tariffs {
 public:
  void load(const char* name, long base);
  const Tariff& of(const std::string& name) const;

 private:
  std::map<std::string, Tariff> by_name_;
};

long price(const Tariff& tariff, int units);
