#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

class Window {
 public:
  explicit Window(size_t samples) : samples_(samples) { values_ = new uint64_t[samples]; }
  ~Window();
  void push(const uint64_t* data, size_t count) {
    volatile uint64_t* out = values_ + used_;
    for (size_t i = 0; i < count; i++) out[i] = data[i];
    used_ += count;
  }
  uint64_t sum() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < used_ && i < samples_; i++) sum += values_[i];
    return sum;
  }

 private:
  size_t samples_;
  size_t used_ = 0;
  uint64_t* values_;
};

__attribute__((noinline)) Window::~Window() {
  delete[] values_;  // CRASH
}

class Stage {
 public:
  Stage() : raw_(std::make_unique<Window>(160)), smooth_(std::make_unique<Window>(160)) {}
  void feed(const std::vector<uint64_t>& data) { raw_->push(data.data(), data.size()); }
  uint64_t finish() {
    uint64_t sum = raw_->sum() + smooth_->sum();
    raw_.reset();
    smooth_.reset();
    return sum;
  }

 private:
  std::unique_ptr<Window> raw_;
  std::unique_ptr<Window> smooth_;
};

int main() {
  Stage stage;
  std::vector<uint64_t> burst(54, 0xffffffffffff0011u);
  for (int i = 0; i < 3; i++) stage.feed(burst);
  std::printf("%llu\n", static_cast<unsigned long long>(stage.finish()));
}
