/* The native half of the npm package: Node-API to the JavaScript half (index.js), the agent
 * (bindings/common) below. Loaded once a process, initialised once a thread that runs JavaScript.
 */
#include <errno.h>
#include <stdint.h>

#include "bindings/common/agent.h"
#include "bindings/common/cause.h"
#include "bindings/common/threads.h"
#include "bindings/common/traps.h"
#include "bindings/node/javascript.h"
#include "bindings/node/node_api.h"
#include "capture/handler/raw.h"

#define EXPORT __attribute__((visibility("default")))

/* How much of its stack an engine grants itself; what it needs to print is left of it. */
enum {
  kV8MainStack = 880 << 10, /* of 984 KiB, on the main thread */
  kV8WorkerStack = 1 << 30, /* all but 192 KiB, see kSparedStack */
  kJscStack = 4 << 20,      /* of 5 MiB (Options::maxPerThreadStackUsage) */
  kSparedStack = 320 << 10,
};

static void read_text(napi_env env, napi_value object, const char* name, char* to, size_t room) {
  napi_value value;
  size_t length;
  *to = '\0';
  if (napi_get_named_property(env, object, name, &value) == napi_ok)
    napi_get_value_string_utf8(env, value, to, room, &length);
}

static int read_number(napi_env env, napi_value object, const char* name) {
  napi_value value;
  int32_t number = 0;
  if (napi_get_named_property(env, object, name, &value) == napi_ok)
    napi_get_value_int32(env, value, &number);
  return number;
}

/* One thread of JavaScript after the other. */
static int busy;
static void begin(void) {
  while (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE) != 0) inq_sleep_ms(1);
}
static void end(void) { __atomic_store_n(&busy, 0, __ATOMIC_RELEASE); }

static int note_thread(napi_env env, napi_value callback, int is_jsc) {
  int error = inq_javascript_begin(env, callback);
  int v8_stack = inq_getpid() == inq_gettid() ? kV8MainStack : kV8WorkerStack;
  if (error == 0) inq_thread_limit((uintptr_t)(is_jsc ? kJscStack : v8_stack), kSparedStack);
  return error;
}

static napi_value number(napi_env env, int value) {
  napi_value result;
  return napi_create_int32(env, value, &result) == napi_ok ? result : NULL;
}

/* install({path, keepPath, timed, stderr, about, stackMs, callbackMs, jsc}, callback?): 0 or an
 * errno. */
static napi_value install_from_js(napi_env env, napi_callback_info info) {
  static struct inq_settings settings; /* too large for the stack; threads come one by one */
  napi_value arguments[2];
  size_t count = 2;
  int error = EINVAL;
  begin();
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count > 0) {
    napi_value options = arguments[0];
    inq_zero(&settings, sizeof settings);
    read_text(env, options, "path", settings.path, sizeof settings.path);
    read_text(env, options, "about", settings.about, sizeof settings.about);
    settings.keep_path = read_number(env, options, "keepPath");
    settings.path_with_time = read_number(env, options, "timed");
    settings.with_stderr = read_number(env, options, "stderr");
    settings.language_ms = read_number(env, options, "stackMs");
    settings.finish_ms = read_number(env, options, "callbackMs");
    error = note_thread(env, count > 1 ? arguments[1] : NULL, read_number(env, options, "jsc"));
    inq_note_runtime((const void*)(uintptr_t)napi_create_error);
    if (error == 0) error = inq_agent_install(&inq_javascript, &settings);
  }
  end();
  return number(env, error);
}

/* noteThread({jsc}, callback?): 0, an errno; ENOENT: nothing is installed. */
static napi_value note_from_js(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  int error = EINVAL;
  begin();
  if (!inq_agent_is_installed()) {
    error = ENOENT;
  } else if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count > 0) {
    int is_jsc = read_number(env, arguments[0], "jsc");
    error = note_thread(env, count > 1 ? arguments[1] : NULL, is_jsc);
    if (error == 0) error = inquest_thread_init();
  }
  end();
  return number(env, error);
}

static napi_value is_guest(napi_env env, napi_callback_info info) {
  napi_value result;
  (void)info;
  return napi_get_boolean(env, inq_agent_is_guest(), &result) == napi_ok ? result : NULL;
}

/* The frames between V8 and the fault are ours, and seen in its stack. */
#define CAUSE(name, how)                                          \
  static napi_value name(napi_env env, napi_callback_info info) { \
    (void)env;                                                    \
    (void)info;                                                   \
    how();                                                        \
    return NULL;                                                  \
  }
CAUSE(cause_segfault, inq_cause_segfault)
CAUSE(cause_bus_error, inq_cause_bus_error)
CAUSE(cause_illegal_instruction, inq_cause_illegal_instruction)
CAUSE(cause_division_by_zero, inq_cause_division_by_zero)
CAUSE(cause_stack_overflow, inq_cause_stack_overflow)
CAUSE(cause_abort, inq_cause_abort)

EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  static const struct {
    const char* name;
    napi_callback function;
  } kFunctions[] = {
      {"install", install_from_js},
      {"noteThread", note_from_js},
      {"isGuest", is_guest},
      {"causeSegfault", cause_segfault},
      {"causeBusError", cause_bus_error},
      {"causeIllegalInstruction", cause_illegal_instruction},
      {"causeDivisionByZero", cause_division_by_zero},
      {"causeStackOverflow", cause_stack_overflow},
      {"causeAbort", cause_abort},
  };
  for (size_t i = 0; i < sizeof kFunctions / sizeof *kFunctions; ++i) {
    napi_value function;
    if (napi_create_function(env, kFunctions[i].name, NAPI_AUTO_LENGTH, kFunctions[i].function,
                             NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, kFunctions[i].name, function) != napi_ok)
      break;
  }
  return exports;
}
