#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

struct Entry {
  int id;
  int rank;
  char text[24];
};

static const Entry kEnglish[] = {
    {1, 0, "Order Placed"}, {2, 0, "Order Filled"}, {3, 0, "Order Cancelled"}};

class Catalog {
 public:
  Catalog(const Entry* entries, size_t count) : entries_(entries), count_(count) {}
  int normalise(int base);
  const char* text(int id) const {
    for (size_t i = 0; i < count_; i++)
      if (entries_[i].id == id) return entries_[i].text;
    return "?";
  }

 private:
  const Entry* entries_;
  size_t count_;
};

__attribute__((noinline)) int Catalog::normalise(int base) {
  int changed = 0;
  for (size_t i = 0; i < count_; i++) {
    auto* entry = const_cast<Entry*>(&entries_[i]);
    entry->rank = base + entry->id;  // CRASH
    changed++;
  }
  return changed;
}

static const char* describe(int argc) {
  static Entry scratch[] = {{9, 0, "Unknown"}};
  Catalog local(scratch, 1);
  int changed = local.normalise(argc);
  Catalog english(kEnglish, sizeof kEnglish / sizeof kEnglish[0]);
  changed += english.normalise(argc);
  return changed > 3 ? english.text(2) : local.text(9);
}

int main(int argc, char**) { std::puts(describe(argc)); }
