#include <cstdint>
#include <cstdio>
#include <list>
#include <string>

struct Page {
  uint64_t number = 0;
  uint8_t data[120] = {};
};

struct Entry {
  uint64_t hits = 0;
  uint64_t key = 0;
  uint64_t expires = 0;
  char preview[1200] = {};
  Page* page = nullptr;
};

class PageCache {
 public:
  Entry* insert(uint64_t key) {
    auto* entry = new Entry;
    entry->key = key;
    entry->page = new Page;
    entry->page->number = key;
    entries_.push_back(entry);
    if (entries_.size() > capacity_) evict();
    return entry;
  }
  uint64_t read(const Entry* entry, size_t offset);

 private:
  void evict() {
    Entry* oldest = entries_.front();
    entries_.pop_front();
    delete oldest->page;
    delete oldest;
  }
  std::list<Entry*> entries_;
  size_t capacity_ = 3;
};

__attribute__((noinline)) uint64_t PageCache::read(const Entry* entry, size_t offset) {
  const Page* page = entry->page;
  uint64_t value = page->number;            // CRASH
  return value + page->data[offset % 120];  // CRASH-ALSO
}

int main() {
  PageCache cache;
  const Entry* cursor = cache.insert(1);
  uint64_t sum = cache.read(cursor, 8);
  for (uint64_t key = 2; key < 5; key++) cache.insert(key);
  sum += cache.read(cursor, 16);
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
}
