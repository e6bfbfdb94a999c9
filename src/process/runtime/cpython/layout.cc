#include "process/runtime/cpython/layout.h"

#include <array>

namespace inquest::process::cpython {
namespace {

// 3.6: interp_head and _PyThreadState_Current are variables of their own.
Layout layout_3_6() {
  Layout layout;
  layout.interpreter_threads = 8;
  layout.thread_pthread = 152;
  layout.thread_frame = 24;
  layout.thread_exception_type = 80;
  layout.thread_exception_value = 88;
  layout.frame_previous = 24;
  layout.frame_code = 32;
  layout.frame_instruction = 120;
  layout.code_first_line = 36;
  layout.code_file = 96;
  layout.code_name = 104;
  layout.code_lines = 112;
  layout.interpreter_modules = 16;
  layout.frame_locals = 56;
  layout.frame_globals = 48;
  layout.frame_values = 376;
  layout.frame_stack_end = 72;
  layout.code_arguments = 16;
  layout.code_keyword_arguments = 20;
  layout.code_flags = 32;
  layout.code_variables = 64;
  layout.code_cells = 80;
  layout.code_free_variables = 72;
  layout.generator_frame = 16;
  layout.generator_running = 24;
  layout.heap_type_keys = 856;
  layout.generator_name = 56;
  return layout;
}

Layout layout_3_7() {
  Layout layout = layout_3_6();
  layout.runtime_interpreters = 24;
  layout.runtime_current_thread = 1480;
  layout.runtime_collecting = 632;
  layout.thread_pthread = 176;
  layout.thread_exception_type = 88;
  layout.thread_exception_value = 96;
  layout.frame_instruction = 104;
  layout.interpreter_modules = 40;
  layout.frame_values = 360;
  return layout;
}

Layout layout_3_8() {
  Layout layout = layout_3_7();
  layout.runtime_interpreters = 32;
  layout.runtime_current_thread = 1368;
  layout.runtime_collecting = 544;
  layout.code_first_line = 40;
  layout.code_file = 104;
  layout.code_name = 112;
  layout.code_lines = 120;
  layout.interpreter_modules = 56;
  layout.code_keyword_arguments = 24;
  layout.code_flags = 36;
  layout.code_variables = 72;
  layout.code_cells = 88;
  layout.code_free_variables = 80;
  layout.heap_type_keys = 872;
  return layout;
}

Layout layout_3_9() {
  Layout layout = layout_3_8();
  layout.runtime_current_thread = 568;
  layout.runtime_collecting.reset();
  layout.interpreter_collecting = 816;
  layout.interpreter_modules = 856;
  layout.heap_type_keys = 864;
  return layout;
}

Layout layout_3_10() {
  Layout layout = layout_3_9();
  layout.frame_instruction = 96;
  layout.frame_values = 352;
  layout.frame_stack_end.reset();
  layout.frame_stack = 64;
  layout.frame_stack_size = 80;
  layout.generator_running.reset();
  layout.heap_type_keys = 872;
  layout.generator_name = 48;
  return layout;
}

Layout layout_3_11() {
  Layout layout;
  layout.runtime_interpreters = 40;
  layout.runtime_current_thread = 576;
  layout.interpreter_threads = 16;
  layout.interpreter_collecting = 848;
  layout.thread_pthread = 152;
  layout.thread_native = 160;
  layout.thread_control = 56;
  layout.control_frame = 8;
  layout.control_previous = 16;
  layout.thread_exception_type = 96;
  layout.thread_exception_value = 104;
  layout.frame_code = 32;
  layout.frame_previous = 48;
  layout.frame_instruction = 56;
  layout.frame_is_entry = 68;
  layout.frame_owner = 69;
  layout.code_first_line = 72;
  layout.code_file = 112;
  layout.code_name = 120;
  layout.code_qualified_name = 128;
  layout.code_lines = 136;
  layout.code_instructions = 184;
  layout.interpreter_modules = 888;
  layout.frame_locals = 24;
  layout.frame_globals = 8;
  layout.frame_values = 72;
  layout.frame_stack_size = 64;
  layout.code_arguments = 56;
  layout.code_keyword_arguments = 64;
  layout.code_flags = 48;
  layout.code_all_names = 96;
  layout.code_all_kinds = 104;
  layout.generator_inner_frame = 80;
  layout.generator_state = 75;
  layout.heap_type_keys = 872;
  layout.generator_name = 40;
  return layout;
}

Layout layout_3_12() {
  Layout layout = layout_3_11();
  layout.runtime_current_thread.reset();
  layout.interpreter_threads = 72;
  layout.interpreter_collecting = 312;
  layout.interpreter_lock = 384;
  layout.lock_holder = 8;
  layout.lock_is_locked = 16;
  layout.thread_pthread = 136;
  layout.thread_native = 144;
  layout.control_frame = 0;
  layout.control_previous = 8;
  layout.thread_exception_type.reset();
  layout.thread_exception_value = 96;
  layout.frame_code = 0;
  layout.frame_previous = 8;
  layout.frame_is_entry.reset();
  layout.frame_owner = 70;
  layout.code_first_line = 68;
  layout.code_instructions = 192;
  layout.ascii_size = 40;
  layout.compact_size = 56;
  layout.interpreter_modules = 944;
  layout.frame_locals = 40;
  layout.frame_globals = 24;
  layout.code_arguments = 52;
  layout.code_keyword_arguments = 60;
  layout.generator_inner_frame = 72;
  layout.generator_state = 67;
  layout.heap_type_keys = 880;
  layout.generator_name = 32;
  return layout;
}

}  // namespace

std::optional<Layout> layout_of(const Version& version) {
  if (version.major != 3) return std::nullopt;
  switch (version.minor) {
    case 6:
      return layout_3_6();
    case 7:
      return layout_3_7();
    case 8:
      return layout_3_8();
    case 9:
      return layout_3_9();
    case 10:
      return layout_3_10();
    case 11:
      return layout_3_11();
    case 12:
      return layout_3_12();
    default:
      return std::nullopt;
  }
}

}  // namespace inquest::process::cpython
