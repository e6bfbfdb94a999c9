#include <complex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum color { RED, GREEN = 5, BLUE = -2 };
enum flags { F_READ = 1, F_WRITE = 2, F_EXEC = 4 };
struct bits {
  unsigned a : 3;
  int b : 5;
  unsigned long c : 40;
  bool d : 1;
  enum color e : 4;
  unsigned char f;
  int64_t g : 33;
};
union number {
  int i;
  float f;
  char c[4];
};
struct inner {
  short s;
  double d;
  const char* name;
};
struct outer {
  struct inner in[2];
  union number n;
  struct {
    int x, y;
  };
  struct bits b;
  int (*cb)(int);
  struct outer* next;
};
__thread int tls_counter = 41;
__thread struct inner tls_inner = {7, 2.5, "tls"};
static int global_count = 12;
volatile int sink;
static int twice(int v) { return v * 2; }
__attribute__((noinline)) static int crash(volatile int* where, int amount) {
  *where = amount;
  return amount + 1;
}
__attribute__((noinline)) static int leaf(struct outer* o, long long big, float ratio,
                                          double precise, char letter, enum color col,
                                          enum flags fl, unsigned char byte, int* bad) {
  int local[4] = {1, 2, 3, (int)big};
  struct bits packed = o->b;
  packed.a = (unsigned)big & 7;
  packed.b = -3;
  struct inner copy = o->in[1];
  union number num = {.f = ratio};
  long double ld = precise * 3.25L;
  double complex z = precise + 2.0 * I;
  __int128 huge = ((__int128)big << 70) + 5;
  int dead = local[1] + (int)copy.s;
  uint16_t masked = (uint16_t)(big * 3);
  signed char sc = (signed char)(letter - 100);
  const char* text = copy.name;
  int matrix[2][3] = {{1, 2, 3}, {4, 5, (int)big}};
  int (*fn)(int) = o->cb;
  printf("%d %Lf %f %d %d\n", dead, ld, creal(z), masked, packed.b);
  int got = crash(bad, dead + masked + sc);
  printf("%d %d %s %f %d %d %d %d %d %d\n", got, local[sink], text, (double)num.f,
         (int)(huge >> 64), matrix[sink][1], fn(2), packed.e, col, fl + byte + letter);
  printf("%d %f %d\n", copy.s, precise, packed.d + o->n.i);
  tls_counter++;
  return dead + (int)cimag(z);
}
__attribute__((noinline)) static int middle(struct outer* o, int n, const char* label) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    int square = i * i;
    sum += square;
    sink += square;
  }
  int k = n + 3;
  long q = (long)n << 33;
  int r = leaf(o, q + 7, n * 1.5f, n / 3.0, label[0], GREEN, F_READ | F_EXEC,
               (unsigned char)(n + 190), (int*)(uintptr_t)(sink & 0));
  printf("%s %d %d\n", label, r, k);
  return r + sum;
}
int main(int argc, char** argv) {
  struct outer* o = calloc(1, sizeof *o);
  o->in[0].name = "first";
  o->in[1] = (struct inner){-5, 6.25, "second \"quoted\""};
  o->n.f = 1.0f;
  o->x = 9;
  o->y = -9;
  o->b.c = 0x123456789aUL;
  o->b.d = true;
  o->b.e = GREEN;
  o->b.f = 200;
  o->b.g = -77;
  o->cb = twice;
  o->next = o;
  char buffer[16];
  snprintf(buffer, sizeof buffer, "n=%d", argc);
  global_count++;
  return middle(o, argc + 3, buffer);
}
