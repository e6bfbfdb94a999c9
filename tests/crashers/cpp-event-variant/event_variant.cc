#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

struct Buffer {
  uint64_t words[8];
};

struct Slot {
  enum class Kind : uint8_t { kCallback, kBuffer } kind;
  union {
    int (*callback)(int);
    Buffer* buffer;
  };
};

class Dispatcher {
 public:
  void on(int (*callback)(int)) {
    Slot slot{};
    slot.kind = Slot::Kind::kCallback;
    slot.callback = callback;
    slots_.push_back(slot);
  }
  void queue(Buffer* buffer) {
    Slot slot{};
    slot.kind = Slot::Kind::kBuffer;
    slot.buffer = buffer;
    slots_.push_back(slot);
  }
  int fire(size_t index, int argument);
  size_t size() const { return slots_.size(); }

 private:
  std::vector<Slot> slots_;
};

__attribute__((noinline)) int Dispatcher::fire(size_t index, int argument) {
  const Slot& slot = slots_[index];
  int result = slot.callback(argument);  // CRASH
  return result + static_cast<int>(index);
}

static int doubled(int value) { return value * 2; }

int main() {
  Dispatcher dispatcher;
  auto buffer = std::make_unique<Buffer>();
  std::memset(buffer->words, 0xf4, sizeof buffer->words);
  dispatcher.on(doubled);
  dispatcher.queue(buffer.get());
  int sum = 0;
  for (size_t i = 0; i < dispatcher.size(); i++) sum += dispatcher.fire(i, 21);
  std::printf("%d\n", sum);
}
