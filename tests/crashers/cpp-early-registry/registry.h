#pragma once

#include <string_view>

struct Entry {
  const char* name;
  int (*run)(int);
};

class Registry {
 public:
  explicit Registry(unsigned buckets);
  void add(const Entry& entry);
  int run(std::string_view name, int argument) const;
  static Registry& instance();

 private:
  static unsigned hash(std::string_view name);
  unsigned buckets_;
  Entry table_[64];
};

struct Registration {
  Registration(const char* name, int (*run)(int)) { Registry::instance().add({name, run}); }
};
