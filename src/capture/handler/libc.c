#include "capture/handler/libc.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "capture/handler/altstack.h"
#include "capture/handler/raw.h"

extern char** environ __attribute__((weak));
#pragma weak getauxval
#pragma weak pthread_atfork
#pragma weak pthread_key_create
#pragma weak pthread_setspecific
#pragma weak abort
/* NOLINTBEGIN(bugprone-reserved-identifier): the library's names */
extern int* __errno_location(void) __attribute__((weak));
extern int __register_atfork(inq_function before, inq_function in_parent, inq_function in_child,
                             void* object) __attribute__((weak));
/* NOLINTEND(bugprone-reserved-identifier) */

unsigned long inq_auxiliary(unsigned long type) { return getauxval != NULL ? getauxval(type) : 0; }

static char** offered;

void inq_offer_environment(int count, char** arguments, char** environment) {
  if (count >= 0 && arguments != NULL && environment == arguments + count + 1)
    offered = environment;
}

const char* inq_environment(const char* name) {
  enum { kNameBytes = 64 };
  char** entry = &environ != NULL && environ != NULL ? environ : offered;
  if (inq_auxiliary(AT_SECURE) != 0 || entry == NULL) return NULL;
  size_t length = inq_length(name, kNameBytes);
  for (; *entry != NULL; ++entry) {
    if (inq_length(*entry, length) == length && inq_equal(*entry, name, length) &&
        (*entry)[length] == '=')
      return *entry + length + 1;
  }
  return NULL;
}

void inq_find_abort(uintptr_t* begin, uintptr_t* end) {
  /* 401 and 472 bytes long in glibc 2.36 for x86-64 and AArch64, 162 in musl 1.2.3; how long
   * exactly would cost a search through the library's symbols at every start. */
  enum { kAtMost = 512 };
  *begin = (uintptr_t)abort;
  *end = abort != NULL ? *begin + kAtMost : 0;
}

/* 0: not tried; 1: being made; 2: there; 3: cannot be made. */
static int key_state;
static pthread_key_t key;

static void thread_ends(void* stack) {
  if (inq_stack_leave(stack)) inq_stack_free(stack);
}

static int make_key(void) {
  int expected = 0;
  if (__atomic_compare_exchange_n(&key_state, &expected, 1, 0, __ATOMIC_ACQUIRE,
                                  __ATOMIC_ACQUIRE)) {
    int made = pthread_key_create != NULL && pthread_setspecific != NULL &&
               pthread_key_create(&key, thread_ends) == 0;
    __atomic_store_n(&key_state, made ? 2 : 3, __ATOMIC_RELEASE);
  }
  while (__atomic_load_n(&key_state, __ATOMIC_ACQUIRE) == 1) inq_sleep_ms(1);
  return __atomic_load_n(&key_state, __ATOMIC_ACQUIRE) == 2;
}

int inq_free_stack_at_exit(void* stack) {
  return make_key() && pthread_setspecific(key, stack) == 0;
}

void inq_at_fork(inq_function child) {
  /* glibc has pthread_atfork() only in its static part, which calls this. */
  if (__register_atfork != NULL) {
    __register_atfork(NULL, NULL, child, NULL);
  } else if (pthread_atfork != NULL) {
    pthread_atfork(NULL, NULL, child);
  }
}

void inq_set_errno(int value) {
  if (__errno_location != NULL) *__errno_location() = value;
}
