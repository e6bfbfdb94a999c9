#include <stdio.h>
#include <string.h>
__thread int tls_global = 5;
__thread char tls_text[16] = "library";
static __thread long tls_static = 77;
int crash_here(int* p, int n) {
  static __thread int calls = 3;
  static __thread char name[8] = "inner";
  calls += n;
  tls_static += n;
  tls_global++;
  name[0] = 'I';
  tls_text[0] = 'L';
  asm volatile("" : : "r"(&calls), "r"(&name), "r"(&tls_static) : "memory");
  *p = calls + (int)tls_static + name[1];
  return calls + name[0];
}
