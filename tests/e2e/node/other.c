/* An add-on as others are: a crash handler of its own, a crash on a thread that runs no JavaScript, a call of a wild
 * pointer. */
#include "bindings/node/node_api.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static void on_signal(int signal_number) {
  (void)signal_number;
  static const char kText[] = "theirs\n";
  if (write(2, kText, sizeof kText - 1) < 0) _exit(1);
}

static napi_value handle(napi_env env, napi_callback_info info) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  (void)env;
  (void)info;
  sigaction(SIGSEGV, &action, 0);
  return 0;
}

static void *crash(void *unused) {
  (void)unused;
  *(volatile int *)16 = 1;
  return 0;
}

static napi_value pool(napi_env env, napi_callback_info info) {
  pthread_t thread;
  (void)env;
  (void)info;
  pthread_create(&thread, 0, crash, 0);
  pthread_join(thread, 0);
  return 0;
}

static napi_value jump(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  ((void (*)(void))0x77777000)();
  return 0;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback function;
  } kAll[] = {{"handle", handle}, {"pool", pool}, {"jump", jump}};
  for (int i = 0; i < 3; ++i) {
    napi_value function;
    napi_create_function(env, kAll[i].name, NAPI_AUTO_LENGTH, kAll[i].function, 0, &function);
    napi_set_named_property(env, exports, kAll[i].name, function);
  }
  return exports;
}
