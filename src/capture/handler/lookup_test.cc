extern "C" {
#include "capture/handler/lookup.h"
}

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>

namespace {

constexpr std::array kNames = {"sigaction",   "signal",         "pthread_sigmask",
                               "sigprocmask", "pthread_create", "thrd_create",
                               "exit",        "quick_exit"};

inq_function found(const char* name) {
  inq_sought one = {name, nullptr};
  inq_find_next(&one, 1);
  return one.found;
}

TEST(Lookup, FindsWhatTheDynamicLinkerFinds) {
  std::array<inq_sought, kNames.size()> together{};
  for (size_t i = 0; i < kNames.size(); ++i) together[i].name = kNames[i];
  inq_find_next(together.data(), together.size());
  for (const inq_sought& each : together) {
    void* expected = dlsym(RTLD_NEXT, each.name);
    ASSERT_NE(expected, nullptr) << each.name;
    EXPECT_EQ(reinterpret_cast<void*>(each.found), expected) << each.name;
    EXPECT_EQ(found(each.name), each.found) << each.name;
  }
}

TEST(Lookup, SaysWhenThereIsNone) {
  EXPECT_EQ(found("no_such_function_anywhere"), nullptr);
  EXPECT_EQ(found(""), nullptr);
  EXPECT_EQ(found("environ"), nullptr) << "no function";
}

TEST(Lookup, OneThatIsMissingDoesNotKeepTheOthersFromBeingFound) {
  std::array<inq_sought, 3> sought = {
      inq_sought{"no_such_function_anywhere", nullptr}, {"exit", nullptr}, {"raise", nullptr}};
  inq_find_next(sought.data(), sought.size());
  EXPECT_EQ(sought[0].found, nullptr);
  EXPECT_EQ(reinterpret_cast<void*>(sought[1].found), dlsym(RTLD_NEXT, "exit"));
  EXPECT_EQ(reinterpret_cast<void*>(sought[2].found), dlsym(RTLD_NEXT, "raise"));
}

}  // namespace
