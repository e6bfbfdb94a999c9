#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct Event {
  std::string topic;
  int payload = 0;
};

struct Listener {
  std::string name;
  int received = 0;
  int limit = 10;
};

class EventBus {
 public:
  std::shared_ptr<Listener> subscribe(const std::string& name) {
    auto listener = std::make_shared<Listener>();
    listener->name = name;
    listeners_.push_back(listener);
    return listener;
  }
  int publish(const Event& event);

 private:
  std::vector<std::weak_ptr<Listener>> listeners_;
};

__attribute__((noinline)) int EventBus::publish(const Event& event) {
  int delivered = 0;
  for (const auto& weak : listeners_) {
    std::shared_ptr<Listener> listener = weak.lock();
    if (event.payload > listener->limit) continue;  // CRASH
    listener->received++;
    delivered++;
  }
  return delivered;
}

static int run(EventBus& bus) {
  auto audit = bus.subscribe("audit");
  int delivered = 0;
  {
    auto preview = bus.subscribe("preview");
    delivered += bus.publish({"order.new", 3});
  }
  delivered += bus.publish({"order.fill", 4});
  return delivered + audit->received;
}

int main() {
  EventBus bus;
  std::printf("%d\n", run(bus));
}
