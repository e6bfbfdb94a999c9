// A small C program that dereferences null three calls deep.
#include <stdio.h>
#include <stdlib.h>

struct account {
  long id;
  struct account *parent;
  long balance;
};

__attribute__((noinline)) static long total(const struct account *account) {
  return account->parent->balance + account->balance;
}

__attribute__((noinline)) static long report(struct account *account) {
  long sum = total(account);
  printf("%ld\n", sum);
  return sum;
}

int main(void) {
  struct account *account = calloc(1, sizeof *account);
  account->balance = 3;
  return (int)report(account);
}
