#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>

template <typename Clock>
class RateMeter {
 public:
  struct Sample {
    int64_t at;
    int64_t count;
  };
  void record(int64_t at, int64_t count) {
    samples_.push_back({at, count});
    if (samples_.size() > kKept) samples_.pop_front();
  }
  __attribute__((noinline)) int64_t rate() const {
    const Sample& oldest = samples_.front();
    const Sample& newest = samples_.back();
    int64_t elapsed = newest.at - oldest.at;
    return (newest.count - oldest.count) * Clock::kTicks / elapsed;  // CRASH
  }

 private:
  static constexpr size_t kKept = 2;
  std::deque<Sample> samples_;
};

struct Millis {
  static constexpr int64_t kTicks = 1000;
};

template <typename Meter>
static int64_t peak(Meter& meter, const int64_t (*samples)[2], size_t count) {
  int64_t highest = 0;
  meter.record(samples[0][0], samples[0][1]);
  for (size_t i = 1; i < count; i++) {
    meter.record(samples[i][0], samples[i][1]);
    int64_t rate = meter.rate();
    if (rate > highest) highest = rate;
  }
  return highest;
}

int main() {
  const int64_t samples[][2] = {{1000, 10}, {1500, 40}, {2000, 45}, {2000, 90}};
  RateMeter<Millis> meter;
  std::printf("%lld\n", static_cast<long long>(peak(meter, samples, 4)));
}
