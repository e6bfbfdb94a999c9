#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

class GuardedBuffer {
 public:
  explicit GuardedBuffer(size_t pages) : size_(pages * kPage) {
    void* base =
        mmap(nullptr, size_ + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    base_ = static_cast<uint32_t*>(base);
    mprotect(static_cast<char*>(base) + size_, kPage, PROT_NONE);
  }
  uint32_t* base() const { return base_; }
  size_t words() const { return size_ / sizeof(uint32_t); }

 private:
  static constexpr size_t kPage = 4096;
  uint32_t* base_ = nullptr;
  size_t size_;
};

class FrameWriter {
 public:
  explicit FrameWriter(const GuardedBuffer& buffer) : base_(buffer.base()) {}
  size_t put(uint32_t kind, const std::vector<uint32_t>& words);

 private:
  uint32_t* base_;
  size_t used_ = 0;
};

__attribute__((noinline)) size_t FrameWriter::put(uint32_t kind,
                                                  const std::vector<uint32_t>& words) {
  uint32_t* at = base_ + used_;
  *at++ = kind;  // CRASH-ALSO
  for (uint32_t word : words) {
    *at++ = word;  // CRASH
    __asm__("" : "+r"(at));
  }
  used_ = static_cast<size_t>(at - base_);
  return used_;
}

static size_t record(size_t frames) {
  GuardedBuffer buffer(1);
  FrameWriter writer(buffer);
  std::vector<uint32_t> words(32, 7);
  size_t used = 0;
  for (size_t i = 0; i < frames; i++) used = writer.put(static_cast<uint32_t>(i), words);
  return used;
}

int main() {
  std::printf("%zu\n", record(10));
  std::printf("%zu\n", record(40));
}
