#include "bindings/node/javascript.h"

#include <errno.h>
#include <signal.h>

#include "bindings/common/native_stack.h"
#include "bindings/common/output.h"
#include "bindings/common/stack_bounds.h"
#include "bindings/common/threads.h"
#include "bindings/common/traps.h"
#include "capture/handler/raw.h"

enum { kMostFrames = 200, kStackBytes = 65536, kMostLines = 64, kMostThreads = 256 };

/* V8's own judge of WebAssembly faults, exported by every Node from 12 on; Bun has none.
 * v8::TryHandleWebAssemblyTrapPosix(int, siginfo_t*, void*). */
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the mangled name */
extern bool _ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv(int, siginfo_t*, void*)
    __attribute__((weak));

/* One a thread of JavaScript: what the table of threads points to. */
struct javascript {
  napi_env env; /* null: free */
  napi_ref callback;
};
static struct javascript all[kMostThreads];

/* Of the child. */
static char stack[kStackBytes];
static size_t stack_size;

/* --- in the signal handler ---------------------------------------------------------------------
 */

static int judge(const struct inquest_fault* fault) {
  siginfo_t* info = fault->siginfo;
  if (fault->signal_number == SIGSEGV && _ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv &&
      _ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv(SIGSEGV, info, fault->ucontext))
    return INQUEST_FAULT_MENDED;
  /* A handler of another add-on goes first, as it would without us. */
  if (fault->handler == NULL || !inq_is_runtime(fault->handler)) return INQUEST_FAULT_UNKNOWN;
  /* That of Node can only do what was just done, and then ends the process; that of Bun mends
   * faults of WebAssembly and of generated code, and makes all others into a SIGILL. */
  int may_mend =
      _ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv == NULL && inq_may_be_trap(fault);
  return may_mend ? INQUEST_FAULT_UNKNOWN : INQUEST_FAULT_FATAL;
}

/* --- in the child ------------------------------------------------------------------------------
 */

/* The process is a throw-away: nobody misses the frames that a program's limit leaves out. */
static void raise_stack_limit(napi_env env) {
  napi_value global, error, limit;
  if (napi_get_global(env, &global) == napi_ok &&
      napi_get_named_property(env, global, "Error", &error) == napi_ok &&
      napi_create_int32(env, kMostFrames, &limit) == napi_ok)
    napi_set_named_property(env, error, "stackTraceLimit", limit);
}

/* Without source maps, and whatever else the program has made of Error.prepareStackTrace. */
static void print_plainly(napi_env env) {
  static const char kPlain[] =
      "Error.prepareStackTrace = (error, frames) => "
      "'Error: crash\\n' + frames.map((frame) => `    at ${frame}`).join('\\n')";
  napi_value script, ignored;
  if (napi_create_string_utf8(env, kPlain, sizeof kPlain - 1, &script) == napi_ok)
    napi_run_script(env, script, &ignored);
}

/* 0 when the engine does not answer. JSC has no text where there are no frames. */
static int take_stack(napi_env env, int plainly) {
  napi_value message, error, text, ignored;
  napi_valuetype type;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return 0;
  napi_get_and_clear_last_exception(env, &ignored);
  raise_stack_limit(env);
  if (plainly) print_plainly(env);
  if (napi_create_string_utf8(env, "crash", NAPI_AUTO_LENGTH, &message) != napi_ok ||
      napi_create_error(env, NULL, message, &error) != napi_ok ||
      napi_get_named_property(env, error, "stack", &text) != napi_ok ||
      napi_typeof(env, text, &type) != napi_ok)
    return 0;
  return type != napi_string ||
         napi_get_value_string_utf8(env, text, stack, sizeof stack - 1, &stack_size) == napi_ok;
}

/* V8 puts the error itself first; JSC does not. Source maps may have put more before it. */
static size_t begin_of_frames(void) {
  static const char kFirst[] = "Error: crash\n";
  size_t length = sizeof kFirst - 1;
  for (size_t at = 0; at + length <= stack_size; ++at) {
    if (inq_equal(stack + at, kFirst, length)) return at + length;
  }
  static const char kOnly[] = "Error: crash";
  int is_only = stack_size == sizeof kOnly - 1 && inq_equal(stack, kOnly, stack_size);
  return is_only ? stack_size : 0;
}

static void print(void* context, const struct inquest_fault* fault, int again) {
  (void)fault;
  stack_size = 0;
  if (!take_stack(((struct javascript*)context)->env, again)) {
    inq_output_words("(not available: JavaScript cannot run in this state)\n");
    return;
  }
  size_t begin = begin_of_frames();
  stack_size -= begin;
  inq_copy(stack, stack + begin, stack_size);
  if (stack_size == 0) {
    inq_output_words(
        "(no frames: no JavaScript was under way, or the fault is in code that the engine "
        "generated)\n");
    return;
  }
  if (stack[stack_size - 1] != '\n') stack[stack_size++] = '\n';
  inq_output(stack, stack_size);
}

/* What segfault-handler hands its callback: the lines of the native stack. */
static int put_native_lines(napi_env env, napi_value array) {
  size_t size, at = 0;
  const char* text = inq_native_stack_kept(&size);
  for (uint32_t i = 0; i < kMostLines && at < size; ++i) {
    size_t end = at;
    while (end < size && text[end] != '\n') ++end;
    napi_value line;
    if (napi_create_string_utf8(env, text + at, end - at, &line) != napi_ok ||
        napi_set_element(env, array, i, line) != napi_ok)
      return 0;
    at = end + 1;
  }
  return 1;
}

static void finish(void* context, const struct inquest_fault* fault) {
  const struct javascript* thread = context;
  const siginfo_t* info = fault->siginfo;
  double address = info->si_code > 0 ? (double)(uintptr_t)info->si_addr : 0;
  napi_env env = thread->env;
  napi_value callback, global, arguments[4], ignored;
  napi_handle_scope scope;
  if (thread->callback == NULL || napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_and_clear_last_exception(env, &ignored);
  if (napi_get_reference_value(env, thread->callback, &callback) == napi_ok &&
      napi_get_global(env, &global) == napi_ok &&
      napi_create_int32(env, fault->signal_number, &arguments[0]) == napi_ok &&
      napi_create_double(env, address, &arguments[1]) == napi_ok &&
      napi_create_array(env, &arguments[2]) == napi_ok && put_native_lines(env, arguments[2]) &&
      napi_create_string_utf8(env, stack, stack_size, &arguments[3]) == napi_ok &&
      napi_call_function(env, global, callback, 4, arguments, &ignored) == napi_ok)
    return;
  inq_output_words("\n(the callback threw, or could not be called)\n");
}

/* --- setting up --------------------------------------------------------------------------------
 */

static void forget(void* argument) {
  struct javascript* thread = argument;
  inq_thread_remove(thread);
  thread->callback = NULL;
  __atomic_store_n(&thread->env, NULL, __ATOMIC_RELEASE);
}

static struct javascript* place_of(napi_env env) {
  for (int i = 0; i < kMostThreads; ++i) {
    if (__atomic_load_n(&all[i].env, __ATOMIC_ACQUIRE) == env) return &all[i];
  }
  for (int i = 0; i < kMostThreads; ++i) {
    napi_env nobody = NULL;
    if (!__atomic_compare_exchange_n(&all[i].env, &nobody, env, 0, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
      continue;
    if (napi_add_env_cleanup_hook(env, forget, &all[i]) == napi_ok) return &all[i];
    all[i].env = NULL;
    return NULL;
  }
  return NULL;
}

static int is_function(napi_env env, napi_value value) {
  napi_valuetype type;
  return value != NULL && napi_typeof(env, value, &type) == napi_ok && type == napi_function;
}

int inq_javascript_begin(napi_env env, napi_value callback) {
  struct javascript* thread = place_of(env);
  if (thread == NULL) return ENOSPC;
  if (is_function(env, callback)) {
    napi_ref old = thread->callback, new;
    if (napi_create_reference(env, callback, 1, &new) != napi_ok) return EINVAL;
    thread->callback = new;
    if (old != NULL) napi_delete_reference(env, old);
    if (!inq_native_stack_keep()) return ENOMEM;
  }
  uintptr_t begin, end;
  inq_stack_bounds(&begin, &end);
  return inq_thread_add(thread, begin, end) ? 0 : ENOSPC;
}

const struct inq_language inq_javascript = {
    .name = "JavaScript", .judge = judge, .print = print, .finish = finish};
