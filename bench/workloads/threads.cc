// 64 threads, each about 200 frames deep in a recursive walk of a tree; then one of them crashes.
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct Node {
  std::string name;
  std::map<int, std::unique_ptr<Node>> children;
  int* weight = nullptr;
};

std::atomic<int> waiting{0};
constexpr int kThreads = 64;
constexpr int kDepth = 50;

template <typename Visit>
__attribute__((noinline)) int visit_children(const Node& node, int depth, Visit&& visit) {
  int sum = 0;
  for (const auto& [key, child] : node.children) sum += visit(*child, depth + 1) + key;
  return sum;
}

int walk(const Node& node, int depth, int worker);

__attribute__((noinline)) int descend(const Node& node, int depth, int worker) {
  return visit_children(node, depth, [worker](const Node& child, int d) { return walk(child, d, worker); }) + 1;
}

__attribute__((noinline)) int rest(const Node& node, int worker) {
  waiting.fetch_add(1);
  if (worker == 17) {
    while (waiting.load() < kThreads) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return *node.weight;
  }
  for (;;) std::this_thread::sleep_for(std::chrono::seconds(60));
}

__attribute__((noinline)) int walk(const Node& node, int depth, int worker) {
  if (node.children.empty()) return rest(node, worker) + depth;
  const std::function<int()> next = [&] { return descend(node, depth, worker); };
  return next() + static_cast<int>(node.name.size());
}

int main() {
  Node root;
  Node* at = &root;
  for (int i = 0; i < kDepth; ++i) {
    auto& child = at->children[i];
    child = std::make_unique<Node>();
    child->name = "level " + std::to_string(i);
    at = child.get();
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&root, i] { walk(root, 0, i); });
  for (auto& thread : threads) thread.join();
}
