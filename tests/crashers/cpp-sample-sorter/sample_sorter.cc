#include <pthread.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

class SampleSorter {
 public:
  explicit SampleSorter(size_t count) : samples_(count) {
    for (size_t i = 0; i < count; i++) samples_[i] = static_cast<uint32_t>(i * 2654435761u);
  }
  uint32_t percentile(unsigned percent) const;

 private:
  static constexpr size_t kCapacity = 2000000;
  size_t copy_into(std::array<uint32_t, kCapacity>& scratch) const;
  std::vector<uint32_t> samples_;
};

__attribute__((noinline)) size_t
SampleSorter::copy_into(std::array<uint32_t, kCapacity>& scratch) const {
  size_t count = std::min(samples_.size(), kCapacity);
  std::copy_n(samples_.begin(), count, scratch.begin());
  return count;
}

__attribute__((noinline)) uint32_t SampleSorter::percentile(unsigned percent) const {  // CRASH-ALSO
  std::array<uint32_t, kCapacity> scratch;                                             // CRASH-ALSO
  size_t count = copy_into(scratch);                                                   // CRASH
  auto nth = scratch.begin() + static_cast<std::ptrdiff_t>(count * percent / 100);
  std::nth_element(scratch.begin(), nth, scratch.begin() + static_cast<std::ptrdiff_t>(count));
  return *nth;
}

static void* report(void* argument) {
  auto* sorter = static_cast<SampleSorter*>(argument);
  uint32_t median = sorter->percentile(50);
  std::printf("%u\n", median);
  return nullptr;
}

int main() {
  SampleSorter sorter(5000);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_t thread;
  pthread_create(&thread, &attributes, report, &sorter);
  pthread_join(thread, nullptr);
}
