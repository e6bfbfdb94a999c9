// RestartPolicy: when to start a program again after it died. A pure function of what it is told:
// no clock, no randomness of its own.
//
// Deaths are told apart by signature. The first death of a signature restarts at once; the same one
// again waits, twice as long each time; a healthy life forgets all of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace inquest::capture {

struct RestartOptions {
  std::chrono::milliseconds first_delay{500};  // before the second start after one signature
  std::chrono::milliseconds longest_delay{60'000};
  double jitter = 0.25;                       // of the delay, to both sides
  std::chrono::milliseconds healthy{60'000};  // a life of so long forgets earlier deaths
  uint32_t max_restarts = 0;                  // since the last healthy life; 0: no limit
  uint32_t storm = 5;                         // deaths since the last healthy life that make one
  uint32_t max_new_signatures = 8;  // restarted at once; a program with more dies at random
};

struct Death {
  std::string key;  // signature of a crash; "exit 3", "signal 9" of other deaths
  std::chrono::milliseconds uptime{0};
};

struct Count {
  std::string key;
  uint64_t times = 0;
};

struct RestartDecision {
  bool restart = true;  // false: give up
  std::chrono::milliseconds delay{0};
  uint64_t repeats = 1;         // deaths of this key since the last healthy life, this one included
  bool announce_storm = false;  // at first, and each time that the deaths have doubled
  std::string reason;           // for people
};

class RestartPolicy {
 public:
  explicit RestartPolicy(const RestartOptions& options) : options_(options) {}

  // `random`: uniform in [0, 1).
  RestartDecision died(const Death& death, double random);
  // Deaths that were told as `from` are known to be of `to`: they count as such from now on.
  void rename(const std::string& from, const std::string& to);

  uint64_t deaths() const { return deaths_; }  // since the last healthy life
  std::vector<Count> counts() const;           // the most frequent first
 private:
  RestartDecision decide(const std::string& key, double random);

  RestartOptions options_;
  std::map<std::string, uint64_t> times_;
  uint64_t deaths_ = 0;
  uint64_t next_storm_ = 0;  // deaths at which it is announced (again)
};

}  // namespace inquest::capture
