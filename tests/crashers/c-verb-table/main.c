#include <stdio.h>

#include "verbs.h"

int main(int argc, char **argv) {
  register_verbs(argc == 1);
  printf("%d\n", dispatch(0, "alpha"));
  printf("%d\n", dispatch(1, "beta"));
  return 0;
}
