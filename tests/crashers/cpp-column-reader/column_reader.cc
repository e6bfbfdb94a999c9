#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

class Row {
 public:
  explicit Row(const std::string& line) {
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '|');) cells_.push_back(cell);
  }
  const std::string& cell(size_t column) const;

 private:
  std::vector<std::string> cells_;
};

__attribute__((noinline)) const std::string& Row::cell(size_t column) const {
  return cells_.at(column);  // CRASH
}

struct Schema {
  size_t id = 0;
  size_t country = 3;
};

static std::string country_of(const Row& row, const Schema& schema) {
  const std::string& id = row.cell(schema.id);
  const std::string& country = row.cell(schema.country);
  return id + ":" + country;
}

static size_t import_lines(const std::vector<std::string>& lines) {
  Schema schema;
  size_t size = 0;
  for (const auto& line : lines) {
    Row row(line);
    size += country_of(row, schema).size();
  }
  return size;
}

int main() { std::printf("%zu\n", import_lines({"1|alice|17|DE", "2|bob|22|FR", "3|carol"})); }
