// Objects that a heap walker can name, blocks that leak, and a use after free to explain.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace shop {
struct Order {
  virtual ~Order() = default;
  virtual long total() const { return quantity * price; }
  long quantity = 3, price = 14;
  char padding[96] = {};
};
struct Refund : Order {
  long total() const override { return -price; }
};
}  // namespace shop

std::vector<std::unique_ptr<shop::Order>> orders;
std::string name = "a text that is too long to be kept inside";

__attribute__((noinline)) void leak() {
  for (int i = 0; i < 50; ++i) {
    auto* lost = static_cast<void**>(std::malloc(1000));
    lost[0] = std::malloc(500);  // reached only through the block that is lost
    asm volatile("" : : "r"(lost) : "memory");
  }
}

__attribute__((noinline)) long settle(shop::Order* order) { return order->total(); }

__attribute__((noinline)) void wipe() {
  volatile char stack[16384];
  for (auto& byte : stack) byte = 0;
}

int main() {
  for (int i = 0; i < 100; ++i) orders.push_back(std::make_unique<shop::Order>());
  for (int i = 0; i < 10; ++i) orders.push_back(std::make_unique<shop::Refund>());
  leak();
  wipe();
  auto* order = orders[5].release();
  delete order;
  std::printf("%ld\n", settle(order));
  return 0;
}
