#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

struct Shard {
  std::string host;
  bool draining = false;
};

class ShardRouter {
 public:
  void add(std::string host) { shards_.push_back({std::move(host), false}); }
  void drain(std::string_view prefix) {
    std::erase_if(shards_, [&](const Shard& shard) { return shard.host.starts_with(prefix); });
  }
  const Shard& pick(std::string_view key) const;

 private:
  static uint64_t hash(std::string_view key) {
    uint64_t value = 14695981039346656037u;
    for (char c : key) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return value;
  }
  std::vector<Shard> shards_;
};

__attribute__((noinline)) const Shard& ShardRouter::pick(std::string_view key) const {
  uint64_t value = hash(key);
  return shards_[value % shards_.size()];  // CRASH
}

static size_t route(ShardRouter& router, const std::vector<std::string>& keys) {
  size_t letters = 0;
  for (const auto& key : keys) letters += router.pick(key).host.size();
  return letters;
}

int main() {
  ShardRouter router;
  router.add("db-1.eu");
  router.add("db-2.eu");
  std::size_t letters = route(router, {"a", "b"});
  router.drain("db-");
  letters += route(router, {"c"});
  std::printf("%zu\n", letters);
}
