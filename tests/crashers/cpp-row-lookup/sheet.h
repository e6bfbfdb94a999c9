#pragma once
#include <map>
#include <string>

struct Row {
  int width;
  int height;
  std::string title;
};

class Sheet {
 public:
  void put(int key, int width, const char* title);
  const Row* row(int key) const;

 private:
  std::map<int, Row> rows_;
};

int row_width(const Row* row, int padding);
int render(const Sheet& sheet, int key);
