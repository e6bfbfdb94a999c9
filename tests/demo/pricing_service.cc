// A small order-pricing service with one bug, for `./dev demo`. Worker threads take orders from a
// queue, look their product up in the catalogue and price them. A product that was discontinued is
// no longer in the catalogue, and nobody asks whether the look-up found anything.
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shop {

struct Pricing {
  std::string currency;
  int64_t unit_cents = 0;
  int64_t discount_percent = 0;
};

struct Order {
  uint64_t id = 0;
  std::string sku;
  int64_t quantity = 0;
  const Pricing* pricing = nullptr;  // from the catalogue
};

class Catalogue {
 public:
  Catalogue() {
    products_["chair-oak"] = {"EUR", 12'900, 0};
    products_["desk-oak"] = {"EUR", 34'900, 10};
    products_["lamp-brass"] = {"EUR", 5'450, 0};
  }

  const Pricing* find(const std::string& sku) const {
    const auto product = products_.find(sku);
    return product == products_.end() ? nullptr : &product->second;
  }

 private:
  std::map<std::string, Pricing> products_;
};

struct Quote {
  int64_t cents = 0;
  std::string currency;
};

// What an order costs. The bug: order.pricing may be null.
[[gnu::noinline]] Quote quote(const Order& order) {
  const int64_t full = order.quantity * order.pricing->unit_cents;
  const int64_t discount = full * order.pricing->discount_percent / 100;
  return {full - discount, order.pricing->currency};
}

class Service {
 public:
  explicit Service(size_t workers) {
    for (size_t i = 0; i < workers; ++i) {
      threads_.emplace_back([this] { work(); });
    }
  }
  ~Service() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    ready_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void submit(Order order) {
    {
      const std::lock_guard lock(mutex_);
      orders_.push_back(std::move(order));
    }
    ready_.notify_one();
  }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return closing_ || !orders_.empty(); });
      if (orders_.empty()) return;
      Order order = std::move(orders_.front());
      orders_.pop_front();
      lock.unlock();
      process(order);
    }
  }

  [[gnu::noinline]] void process(Order& order) {
    order.pricing = catalogue_.find(order.sku);
    const Quote price = quote(order);
    std::printf("order %lu: %ld x %s = %ld.%02ld %s\n", static_cast<unsigned long>(order.id),
                static_cast<long>(order.quantity), order.sku.c_str(),
                static_cast<long>(price.cents / 100), static_cast<long>(price.cents % 100),
                price.currency.c_str());
  }

  Catalogue catalogue_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Order> orders_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace shop

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  shop::Service service(4);
  const char* const skus[] = {"chair-oak", "desk-oak", "lamp-brass"};
  for (uint64_t id = 1000; id < 1042; ++id) {
    service.submit({id, skus[id % 3], static_cast<int64_t>(1 + id % 7)});
  }
  service.submit({1042, "stool-teak", 3});  // discontinued last spring
}
