// Layout: where the fields of CPython's structures lie, in one minor version.
//
// Sources: for 3.6 to 3.12 the offsets that a C program prints that includes the internal headers
// of 3.6.15, 3.7.16, 3.8.18, 3.9.18, 3.10.13, 3.11.2, 3.11.7 and 3.12.1 (x86-64; the headers tell
// that those used are the same on AArch64 unless said). From 3.13 on the interpreter describes
// itself: _Py_DebugOffsets, the first field of _PyRuntime (Include/internal/pycore_runtime.h,
// pycore_debug_offsets.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "process/runtime/cpython/version.h"

namespace inquest::process::cpython {

// An offset in bytes; nullopt: the version has no such field.
using Offset = std::optional<uint32_t>;

struct Layout {
  uint32_t runtime_interpreters = 0;  // _PyRuntimeState.interpreters.head; 3.6: of interp_head
  Offset runtime_current_thread;      // _PyRuntimeState.gilstate.tstate_current; x86-64 only
  Offset runtime_collecting;          // _PyRuntimeState.gc.collecting; x86-64 only

  uint64_t interpreter_size = 0;  // from 3.13 on
  uint32_t interpreter_next = 0, interpreter_threads = 0;
  Offset interpreter_collecting;       // gc.collecting
  Offset interpreter_modules;          // sys.modules, a dict
  Offset interpreter_lock;             // ceval.gil, a pointer
  Offset lock_holder, lock_is_locked;  // of what that points to

  uint32_t thread_next = 8, thread_interpreter = 16;
  uint32_t thread_pthread = 0;  // thread_id: pthread_self()
  Offset thread_native;         // native_thread_id: gettid()
  Offset thread_frame;          // the innermost frame, or …
  Offset thread_control;        // … cframe, and in that
  uint32_t control_frame = 0, control_previous = 0;
  Offset thread_exception_type, thread_exception_value;  // in flight; 3.12+: the value only

  uint32_t frame_code = 0, frame_previous = 0;
  uint32_t frame_instruction = 0;  // up to 3.10 an index, then a pointer
  Offset frame_is_entry, frame_owner;
  // What locals need. nullopt: they are not read.
  Offset frame_locals, frame_globals;  // dicts
  Offset frame_values;                 // the array of fast locals, cells and the stack behind them
  // The end of that stack: as a pointer (null while the frame runs), or as a number of words, from
  // frame_stack (a pointer; 3.10) or from frame_values (3.11 to 3.13; none below 0).
  Offset frame_stack_end, frame_stack_size, frame_stack;

  uint32_t code_file = 0, code_name = 0, code_first_line = 0, code_lines = 0;
  Offset code_qualified_name;
  uint32_t code_instructions = 0;                             // co_code_adaptive, from 3.11 on
  Offset code_arguments, code_keyword_arguments, code_flags;  // counts, and CO_…
  Offset code_variables, code_cells, code_free_variables;     // tuples of names, up to 3.10
  Offset code_all_names, code_all_kinds;                      // co_localsplus…, from 3.11 on

  Offset generator_name;         // gi_qualname
  Offset generator_frame;        // gi_frame, a pointer, up to 3.10
  Offset generator_inner_frame;  // gi_iframe, the frame itself, from 3.11 on
  Offset generator_running;      // up to 3.9
  Offset generator_state;        // gi_frame_state, from 3.11 on
  Offset heap_type_keys;         // ht_cached_keys

  uint32_t ascii_size = 48, compact_size = 72;  // sizeof(PyASCIIObject), PyCompactUnicodeObject
  uint32_t text_length = 16, text_state = 32;
  uint32_t bytes_size = 16, bytes_value = 32;
  uint32_t object_type = 8, type_name = 24;
  uint32_t exception_arguments = 24, tuple_size = 16, tuple_items = 24;
};

// 3.6 to 3.12; nullopt for others.
std::optional<Layout> layout_of(const Version& version);

// What a _Py_DebugOffsets starts with. Those of 3.13.0, 3.14.10 and 3.15.2 were held against
// interpreters.
inline constexpr std::string_view kDebugCookie = "xdebugpy";
inline constexpr uint64_t kDebugOffsetsSize = 1024;  // bytes, more than any known version has

struct DescribedLayout {
  Version version;
  Layout layout;
};
// Reads a _Py_DebugOffsets. `bytes` starts with it and may end early. kUnsupported: a version that
// is not known, or a free-threaded build; kCorrupt: offsets that cannot be.
Result<DescribedLayout> read_debug_offsets(ByteView bytes);

}  // namespace inquest::process::cpython
