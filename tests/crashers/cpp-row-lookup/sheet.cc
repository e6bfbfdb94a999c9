#include "sheet.h"

void Sheet::put(int key, int width, const char* title) { rows_[key] = Row{width, 1, title}; }

const Row* Sheet::row(int key) const {
  auto it = rows_.find(key);
  if (it == rows_.end()) return nullptr;
  return &it->second;
}
