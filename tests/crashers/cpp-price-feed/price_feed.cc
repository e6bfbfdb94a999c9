#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

struct Instrument {
  double last = 0;
  uint64_t updates = 0;
};

struct Slot {
  uint32_t handle;
  float price;
};

class PriceFeed {
 public:
  void enqueue(Instrument* instrument, double price) {
    auto handle = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(instrument));
    queue_.push_back({handle, static_cast<float>(price)});
  }
  uint64_t apply();

 private:
  std::vector<Slot> queue_;
};

__attribute__((noinline)) uint64_t PriceFeed::apply() {
  uint64_t applied = 0;
  for (const Slot& slot : queue_) {
    auto* instrument = reinterpret_cast<Instrument*>(static_cast<uintptr_t>(slot.handle));
    instrument->last = slot.price;  // CRASH
    instrument->updates++;          // CRASH-ALSO
    applied += instrument->updates;
  }
  queue_.clear();
  return applied;
}

static uint64_t run(size_t instruments) {
  std::vector<std::unique_ptr<Instrument>> all;
  PriceFeed feed;
  for (size_t i = 0; i < instruments; i++) {
    all.push_back(std::make_unique<Instrument>());
    feed.enqueue(all.back().get(), 100.0 + static_cast<double>(i));
  }
  return feed.apply();
}

int main() { std::printf("%llu\n", static_cast<unsigned long long>(run(5))); }
