#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

struct Tile {
  uint64_t width = 0;
  uint64_t height = 0;
  std::unique_ptr<uint8_t[]> pixels;
};

class TileStore {
 public:
  void load(const std::string& header);
  size_t size() const { return tiles_.size(); }

 private:
  std::vector<Tile> tiles_;
};

__attribute__((noinline)) void TileStore::load(const std::string& header) {
  Tile tile;
  unsigned long long width = 0;
  unsigned long long height = 0;
  if (std::sscanf(header.c_str(), "%llux%llu", &width, &height) != 2) return;
  tile.width = width;
  tile.height = height;
  tile.pixels.reset(new uint8_t[tile.width * tile.height]);  // CRASH
  tiles_.push_back(std::move(tile));
}

static size_t load_all(TileStore& store, const std::vector<std::string>& headers) {
  for (const auto& header : headers) store.load(header);
  return store.size();
}

int main() {
  TileStore store;
  std::printf("%zu\n", load_all(store, {"256x256", "512x256", "4294967295x1073741823"}));
}
