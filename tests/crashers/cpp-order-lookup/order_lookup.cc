#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace exchange {

struct Level {
  int64_t price = 0;
  int64_t open = 0;
};

struct Order {
  uint64_t id = 0;
  int64_t quantity = 0;
  std::string client;
  Level* level = nullptr;
};

class OrderBook {
 public:
  void add(uint64_t id, int64_t price, int64_t quantity, std::string client) {
    Level& level = levels_[price];
    level.price = price;
    level.open += quantity;
    auto order = std::make_unique<Order>();
    order->id = id;
    order->quantity = quantity;
    order->client = std::move(client);
    order->level = &level;
    orders_[id] = std::move(order);
  }

  int64_t cancel(uint64_t id);

 private:
  Order* find(uint64_t id) const {
    auto it = orders_.find(id);
    return it == orders_.end() ? nullptr : it->second.get();
  }

  std::map<int64_t, Level> levels_;
  std::unordered_map<uint64_t, std::unique_ptr<Order>> orders_;
};

__attribute__((noinline)) int64_t OrderBook::cancel(uint64_t id) {
  Order* order = find(id);
  Level* level = order->level;  // CRASH
  level->open -= order->quantity;
  orders_.erase(id);
  return level->open;
}

}  // namespace exchange

int main() {
  exchange::OrderBook book;
  book.add(1001, 9950, 20, "alpha");
  book.add(1002, 9951, 10, "beta");
  int64_t open = book.cancel(1001);
  open += book.cancel(1003);
  std::printf("%lld\n", static_cast<long long>(open));
}
