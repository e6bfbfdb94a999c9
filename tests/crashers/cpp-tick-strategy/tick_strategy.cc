#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

extern "C" {
typedef double (*signal_hook)(const double* prices, unsigned count);
}

struct HostHooks {
  signal_hook momentum;
  signal_hook reversal;
};

class Strategy {
 public:
  explicit Strategy(const HostHooks& hooks) : hooks_(hooks) {}

  double on_tick(double price, bool trending) {
    std::lock_guard<std::mutex> guard(mutex_);
    prices_.push_back(price);
    signal_hook hook = trending ? hooks_.momentum : hooks_.reversal;
    auto evaluate = [&](const std::vector<double>& window) {
      double score = hook(window.data(), static_cast<unsigned>(window.size()));  // CRASH
      return score * scale_;
    };
    return evaluate(prices_);
  }

 private:
  const HostHooks& hooks_;
  std::mutex mutex_;
  std::vector<double> prices_;
  double scale_ = 0.5;
};

static double momentum(const double* prices, unsigned count) {
  return prices[count - 1] - prices[0];
}

static HostHooks load_hooks(int version) {
  HostHooks hooks{momentum, nullptr};
  if (version > 2) hooks.reversal = momentum;
  return hooks;
}

int main(int argc, char**) {
  HostHooks hooks = load_hooks(argc);
  Strategy strategy(hooks);
  std::atomic<double> last = 0;
  std::thread feed([&] {
    for (int i = 0; i < 10; i++) last = strategy.on_tick(100.0 + i, i != 7);
  });
  feed.join();
  std::printf("%f\n", last.load());
}
