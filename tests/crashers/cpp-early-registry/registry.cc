#include "registry.h"

#include <cstdlib>

namespace {

unsigned configured_buckets() {
  const char* text = std::getenv("REGISTRY_BUCKETS");
  return text != nullptr ? static_cast<unsigned>(std::atoi(text)) : 64;
}

Registry registry(configured_buckets());

}  // namespace

Registry::Registry(unsigned buckets) : buckets_(buckets < 64 ? buckets : 64), table_{} {}

Registry& Registry::instance() { return registry; }

unsigned Registry::hash(std::string_view name) {
  unsigned value = 5381;
  for (char c : name) value = value * 33 + static_cast<unsigned char>(c);
  return value;
}

void Registry::add(const Entry& entry) {
  unsigned bucket = hash(entry.name) % buckets_;  // CRASH
  table_[bucket] = entry;                         // CRASH-ALSO
}

int Registry::run(std::string_view name, int argument) const {
  const Entry& entry = table_[hash(name) % buckets_];
  return entry.name != nullptr && name == entry.name ? entry.run(argument) : -1;
}
