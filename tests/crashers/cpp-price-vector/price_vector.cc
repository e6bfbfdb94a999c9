#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

class PriceSeries {
 public:
  void append(double price) { prices_.push_back(price); }
  double at_offset(size_t offset) const;
  double moving(size_t window) const {
    double sum = 0;
    for (size_t i = 0; i < window; i++) sum += at_offset(i);
    return sum / static_cast<double>(window);
  }

 private:
  std::vector<double> prices_;
};

__attribute__((noinline)) double PriceSeries::at_offset(size_t offset) const {
  size_t index = prices_.size() - 1 - offset;
  return prices_[index];  // CRASH
}

static PriceSeries parse(const std::string& text) {
  PriceSeries series;
  const char* at = text.c_str();
  char* end = nullptr;
  for (double price = std::strtod(at, &end); end != at; price = std::strtod(at, &end)) {
    series.append(price);
    at = end;
  }
  return series;
}

int main() {
  PriceSeries series = parse("10.5 10.75 11.0");
  std::printf("%f\n", series.moving(3));
  std::printf("%f\n", series.moving(5));
}
