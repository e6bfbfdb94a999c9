#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>

struct Edge {
  uint64_t from, to;
  uint64_t weight[6];
};

class GraphBuilder {
 public:
  void add_edge(uint64_t from, uint64_t to) {
    if (used_ == capacity_) grow();
    edges_[used_++] = Edge{from, to, {}};
  }
  size_t edges() const { return used_; }

 private:
  void grow();
  std::unique_ptr<Edge[]> edges_;
  size_t capacity_ = 0;
  size_t used_ = 0;
};

__attribute__((noinline)) void GraphBuilder::grow() {
  size_t wanted = capacity_ == 0 ? 1024 : capacity_ * 2;
  std::unique_ptr<Edge[]> larger(new Edge[wanted]);  // CRASH
  std::copy_n(edges_.get(), used_, larger.get());
  edges_ = std::move(larger);
  capacity_ = wanted;
}

static void limit_memory(size_t megabytes) {
  rlimit limit{megabytes << 20, megabytes << 20};
  setrlimit(RLIMIT_AS, &limit);
}

static size_t build(uint64_t nodes) {
  GraphBuilder graph;
  for (uint64_t node = 0; node < nodes; node++)
    for (uint64_t other = 1; other <= 8; other++) graph.add_edge(node, node * 31 + other);
  return graph.edges();
}

int main() {
  limit_memory(64);
  std::printf("%zu\n", build(1000000));
}
