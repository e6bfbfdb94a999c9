#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

struct Fill {
  uint32_t symbol;
  int32_t quantity;
  double price;
};

struct Position {
  int64_t quantity = 0;
  double cost = 0;
  double realised = 0;
  uint64_t fills = 0;
};

class PositionBook {
 public:
  explicit PositionBook(size_t symbols) : positions_(symbols) {}
  void apply(const Fill& fill);
  double cost() const {
    double sum = 0;
    for (const auto& position : positions_) sum += position.cost;
    return sum;
  }

 private:
  std::vector<Position> positions_;
};

__attribute__((noinline)) void PositionBook::apply(const Fill& fill) {
  Position& position = positions_[fill.symbol];
  position.quantity += fill.quantity;           // CRASH
  position.cost += fill.quantity * fill.price;  // CRASH-ALSO
  position.fills++;                             // CRASH-ALSO
}

static Fill parse_fill(const std::string& line) {
  Fill fill{};
  std::sscanf(line.c_str(), "%u %d %lf", &fill.symbol, &fill.quantity, &fill.price);
  return fill;
}

int main() {
  PositionBook book(64);
  for (const char* line : {"3 100 10.5", "17 -20 99.1", "3221225473 5 1.25"})
    book.apply(parse_fill(line));
  std::printf("%f\n", book.cost());
}
