extern "C" {
#include "capture/handler/lookup.h"
}

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace {

TEST(Lookup, FindsWhatTheDynamicLinkerFinds) {
  for (const char* name : {"sigaction", "signal", "pthread_sigmask", "sigprocmask",
                           "pthread_create", "thrd_create", "exit", "quick_exit"}) {
    void* expected = dlsym(RTLD_NEXT, name);
    ASSERT_NE(expected, nullptr) << name;
    EXPECT_EQ(reinterpret_cast<void*>(inq_next(name)), expected) << name;
  }
}

TEST(Lookup, SaysWhenThereIsNone) {
  EXPECT_EQ(inq_next("no_such_function_anywhere"), nullptr);
  EXPECT_EQ(inq_next(""), nullptr);
  EXPECT_EQ(inq_next("environ"), nullptr) << "no function";
}

}  // namespace
