#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

struct Block {
  explicit Block(uint64_t number) : height(number) {}
  ~Block();
  uint64_t height;
  std::string digest;
  std::unique_ptr<Block> previous;
  std::unique_ptr<char[]> body;
};

__attribute__((noinline)) Block::~Block() {  // CRASH
  digest.clear();                            // CRASH-ALSO
}  // CRASH-ALSO

class Chain {
 public:
  void append() {
    auto block = std::make_unique<Block>(height_++);
    block->previous = std::move(tip_);
    tip_ = std::move(block);
  }
  void clear() { tip_.reset(); }
  uint64_t height() const { return height_; }

 private:
  std::unique_ptr<Block> tip_;
  uint64_t height_ = 0;
};

static uint64_t replay(Chain& chain, uint64_t blocks) {
  for (uint64_t i = 0; i < blocks; i++) chain.append();
  return chain.height();
}

int main(int argc, char** argv) {
  Chain chain;
  uint64_t blocks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 500000;
  std::printf("%llu\n", static_cast<unsigned long long>(replay(chain, blocks)));
  chain.clear();
}
