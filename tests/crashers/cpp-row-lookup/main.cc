#include <cstdio>

#include "sheet.h"

int main() {
  Sheet sheet;
  sheet.put(10, 80, "total");
  sheet.put(20, 60, "net");
  for (int key : {10, 20, 30}) std::printf("%d\n", render(sheet, key));
}
