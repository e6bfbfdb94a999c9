#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

struct Row {
  uint64_t key;
  uint64_t value;
};

class MappedTable {
 public:
  explicit MappedTable(std::string path, size_t rows) : path_(std::move(path)), count_(rows) {
    int fd = open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    std::vector<Row> data(rows);
    for (size_t i = 0; i < rows; i++) data[i] = {i * 3, i};
    if (write(fd, data.data(), rows * sizeof(Row)) < 0) std::perror("write");
    void* base = mmap(nullptr, rows * sizeof(Row), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    rows_ = static_cast<const Row*>(base);
  }
  bool compact(size_t keep) { return truncate(path_.c_str(), keep * sizeof(Row)) == 0; }
  std::optional<uint64_t> find(uint64_t key) const;

 private:
  std::string path_;
  const Row* rows_ = nullptr;
  size_t count_;
};

__attribute__((noinline)) std::optional<uint64_t> MappedTable::find(uint64_t key) const {
  size_t low = 0;
  size_t high = count_;
  while (low < high) {
    size_t middle = (low + high) / 2;
    const Row* row = &rows_[middle];
    if (row->key == key) return row->value;  // CRASH
    if (row->key < key)                      // CRASH-ALSO
      low = middle + 1;
    else
      high = middle;
  }
  return std::nullopt;
}

int main() {
  MappedTable table("rows.tbl", 8192);
  uint64_t sum = table.find(300).value_or(0);
  if (!table.compact(1024)) return 1;
  sum += table.find(21000).value_or(0);
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
}
