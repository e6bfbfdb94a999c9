#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef DL
static int (*crash_here)(int*, int);
#else
int crash_here(int*, int);
#endif
static __thread int main_tls = 9;
static void* run(void* a) {
  static __thread int own = 4;
  own += 2;
  asm volatile("" : : "r"(&own) : "memory");
  int r = crash_here(a, 10);
  printf("%d %d", own, r);
  return 0;
}
int main(int c, char** v) {
  main_tls += c;
#ifdef DL
  void* h = dlopen("libtls.so", RTLD_NOW);
  if (!h) {
    puts(dlerror());
    return 3;
  }
  crash_here = dlsym(h, "crash_here");
#endif
  int x;
  crash_here(&x, 1);
  pthread_t t;
  pthread_create(&t, 0, run, 0);
  pthread_join(t, 0);
  return main_tls;
}
