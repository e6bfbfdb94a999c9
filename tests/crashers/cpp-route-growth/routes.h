#pragma once
#include <string>
#include <vector>

struct Counters {
  long* slots;
  long hits;
};

struct Route {
  std::string prefix;
  Counters* counters;
  long pad[6];
};

class Table {
 public:
  Route& add(const char* prefix, Counters* counters);
  void import_static(int count, Counters* counters);
  size_t size() const { return routes_.size(); }

 private:
  std::vector<Route> routes_;
};

class Listener {
 public:
  void bind(Route& route) { route_ = &route; }
  long accept(int kind);

 private:
  Route* route_ = nullptr;
};
