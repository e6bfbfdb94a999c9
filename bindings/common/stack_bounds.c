#include "bindings/common/stack_bounds.h"

#include <pthread.h>
#include <stddef.h>

#pragma weak pthread_self
#pragma weak pthread_getattr_np
#pragma weak pthread_attr_getstack
#pragma weak pthread_attr_destroy

void inq_stack_bounds(uintptr_t* begin, uintptr_t* end) {
  pthread_attr_t attributes;
  void* lowest;
  size_t size;
  *begin = *end = 0;
  if (pthread_self == NULL || pthread_getattr_np == NULL || pthread_attr_getstack == NULL ||
      pthread_attr_destroy == NULL || pthread_getattr_np(pthread_self(), &attributes) != 0)
    return;
  if (pthread_attr_getstack(&attributes, &lowest, &size) == 0) {
    *begin = (uintptr_t)lowest;
    *end = (uintptr_t)lowest + size;
  }
  pthread_attr_destroy(&attributes);
}
