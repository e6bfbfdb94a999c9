#include "capture/supervise/restart_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace inquest::capture {

RestartDecision RestartPolicy::died(const Death& death, double random) {
  if (death.uptime >= options_.healthy) {
    times_.clear();
    deaths_ = 0;
    next_storm_ = 0;
  }
  ++deaths_;
  ++times_[death.key];
  RestartDecision decision = decide(death.key, random);
  if (next_storm_ == 0) next_storm_ = std::max<uint64_t>(options_.storm, 2);
  if (deaths_ >= next_storm_) {
    decision.announce_storm = true;
    next_storm_ = deaths_ * 2;
  }
  return decision;
}

void RestartPolicy::rename(const std::string& from, const std::string& to) {
  const auto found = times_.find(from);
  if (found == times_.end() || from == to) return;
  const uint64_t times = found->second;
  times_.erase(found);
  times_[to] += times;
}

RestartDecision RestartPolicy::decide(const std::string& key, double random) {
  RestartDecision decision;
  decision.repeats = times_[key];
  if (options_.max_restarts != 0 && deaths_ > options_.max_restarts) {
    decision.restart = false;
    decision.reason = fmt::format("it was started again {} times without a life of {} s",
                                  deaths_ - 1, options_.healthy.count() / 1000);
    return decision;
  }
  const bool random_deaths = times_.size() > options_.max_new_signatures;
  if (decision.repeats == 1 && !random_deaths) {
    decision.reason = "it has not died of this before";
    return decision;
  }
  const uint64_t steps =
      random_deaths ? times_.size() - options_.max_new_signatures - 1 : decision.repeats - 2;
  const double doubled = static_cast<double>(options_.first_delay.count()) *
                         std::pow(2.0, static_cast<double>(std::min<uint64_t>(steps, 40)));
  const double capped = std::min(doubled, static_cast<double>(options_.longest_delay.count()));
  const double factor = 1.0 + options_.jitter * (2.0 * random - 1.0);
  decision.delay = std::chrono::milliseconds(static_cast<int64_t>(capped * factor));
  decision.reason =
      random_deaths
          ? fmt::format("it has died in {} different ways", times_.size())
          : fmt::format("it has died of this {} times without a healthy life", decision.repeats);
  return decision;
}

std::vector<Count> RestartPolicy::counts() const {
  std::vector<Count> result;
  for (const auto& [key, times] : times_) result.push_back({key, times});
  std::stable_sort(result.begin(), result.end(),
                   [](const Count& a, const Count& b) { return a.times > b.times; });
  return result;
}

}  // namespace inquest::capture
