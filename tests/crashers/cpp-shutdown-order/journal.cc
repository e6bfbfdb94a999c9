#include "service.h"

void Journal::flush() {
  for (const std::string& entry : entries_) service_.logger()->line(entry.c_str());
  entries_.clear();
}
