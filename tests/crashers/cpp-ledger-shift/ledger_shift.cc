#include <cstdint>
#include <cstdio>
#include <future>
#include <limits>
#include <string>
#include <vector>

class Converter {
 public:
  explicit Converter(int64_t rate) : rate_(rate) {}
  int64_t to_minor(int64_t amount) const;

 private:
  int64_t rate_;
};

__attribute__((noinline)) int64_t Converter::to_minor(int64_t amount) const {
  int64_t rate = rate_;
  if (rate == 0) return amount;
  return amount / rate;  // CRASH
}

static int64_t parse_amount(const std::string& text) {
  return text == "min" ? std::numeric_limits<int64_t>::min() : std::stoll(text);
}

static int64_t convert(const std::vector<std::string>& texts, int64_t rate) {
  Converter converter(rate);
  std::vector<std::future<int64_t>> pending;
  for (const auto& text : texts)
    pending.push_back(std::async(
        std::launch::async, [&converter, text] { return converter.to_minor(parse_amount(text)); }));
  int64_t sum = 0;
  for (auto& value : pending) sum ^= value.get();
  return sum;
}

int main() { std::printf("%lld\n", static_cast<long long>(convert({"1200", "-3", "min"}, -1))); }
