#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

struct Item {
  long key;
  long value;
};

class Arena {
 public:
  explicit Arena(size_t capacity)
      : block_(static_cast<Item*>(::operator new(capacity * sizeof(Item)))) {}
  Item* make(long key, long value) {
    Item* item = new (block_ + used_++) Item{key, value};
    items_.push_back(item);
    return item;
  }
  void reset();
  size_t used() const { return used_; }

 private:
  Item* block_;
  size_t used_ = 0;
  std::vector<Item*> items_;
};

__attribute__((noinline)) void Arena::reset() {
  while (!items_.empty()) {
    Item* item = items_.back();
    items_.pop_back();
    delete item;  // CRASH
  }
  used_ = 0;
}

static long fill(Arena& arena, int count) {
  long sum = 0;
  for (int i = 0; i < count; i++) sum += arena.make(i, i * 3)->value;
  return sum;
}

int main() {
  Arena arena(32);
  long sum = fill(arena, 8);
  arena.reset();
  std::printf("%ld %zu\n", sum, arena.used());
}
