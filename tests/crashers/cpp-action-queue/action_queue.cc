#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

class ActionQueue {
 public:
  using Action = std::function<int(int)>;

  void define(const std::string& name, Action action) { actions_[name] = std::move(action); }
  void push(const std::string& name) { queue_.push_back(actions_[name]); }
  int drain(int seed);

 private:
  std::map<std::string, Action> actions_;
  std::vector<Action> queue_;
};

__attribute__((noinline)) int ActionQueue::drain(int seed) {
  int value = seed;
  for (const Action& action : queue_) {
    value = action(value);  // CRASH
  }
  queue_.clear();
  return value;
}

static int run(const std::vector<std::string>& names) {
  ActionQueue queue;
  int bias = static_cast<int>(names.size());
  queue.define("double", [](int value) { return value * 2; });
  queue.define("bias", [bias](int value) { return value + bias; });
  for (const auto& name : names) queue.push(name);
  return queue.drain(7);
}

int main() { std::printf("%d\n", run({"double", "bias", "halve"})); }
