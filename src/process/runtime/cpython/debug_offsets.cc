#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/cursor.h"
#include "process/runtime/cpython/layout.h"

namespace inquest::process::cpython {
namespace {

constexpr uint64_t kMaxInterpreterOffset = 1 << 24;  // bytes; PyInterpreterState is the largest
constexpr uint32_t kException = 112;  // current_exception, which 3.13 and 3.14 do not tell

// How many words each group has, its size first; groups that a version lacks have none.
struct Shape {
  uint32_t minor;
  size_t interpreter, collector_at;    // where `gc` stands among the interpreter's
  size_t thread, thread_id_at;         // likewise
  size_t exception_item, frame, code;  // the first has no size
  size_t type, heap_type, set, text, collector, generator;
};
// The second of 3.14 was that of its first test releases.
constexpr std::array<Shape, 4> kShapes = {{
    {13, 13, 4, 9, 5, 0, 6, 10, 4, 0, 0, 4, 2, 0},
    {14, 16, 5, 9, 5, 0, 8, 11, 4, 0, 4, 4, 2, 4},
    {14, 14, 5, 9, 5, 0, 7, 10, 4, 0, 4, 4, 2, 4},
    {15, 16, 5, 16, 8, 1, 8, 11, 6, 2, 4, 5, 5, 4},
}};

// One group of words: the size of a structure, and offsets within it.
class Group {
 public:
  Group(Cursor& cursor, size_t words) {
    for (size_t i = 0; i < words && i < words_.size(); ++i) words_[i] = cursor.u64();
  }
  uint64_t size() const { return words_[0]; }
  // Offset number `index`; whether one lay beyond the structure's end is kept.
  uint32_t operator[](size_t index) {
    const bool inside = words_[0] <= kMaxInterpreterOffset && words_[index] < words_[0];
    if (!inside) is_sound_ = false;
    return inside ? static_cast<uint32_t>(words_[index]) : 0;
  }
  bool is_sound() const { return is_sound_ && size() != 0; }

 private:
  std::array<uint64_t, 16> words_{};  // no group is longer
  bool is_sound_ = true;
};

// What follows the cookie, the version and the flag. nullopt: the words cannot be that.
std::optional<Layout> read_shape(Cursor cursor, const Shape& shape) {
  Group runtime(cursor, 3), interpreter(cursor, shape.interpreter), thread(cursor, shape.thread);
  cursor.skip(shape.exception_item * sizeof(uint64_t));
  Group frame(cursor, shape.frame), code(cursor, shape.code), object(cursor, 2),
      type(cursor, shape.type), heap_type(cursor, shape.heap_type), tuple(cursor, 3);
  cursor.skip((3 + shape.set + 3 + 2 + 3) * sizeof(uint64_t));  // list, set, dict, float, long
  Group bytes(cursor, 3), text(cursor, shape.text), collector(cursor, shape.collector),
      generator(cursor, shape.generator);

  Layout layout;
  layout.runtime_interpreters = runtime[2];
  layout.interpreter_size = interpreter.size();
  layout.interpreter_next = interpreter[2];
  layout.interpreter_threads = interpreter[3];
  layout.interpreter_collecting = interpreter[shape.collector_at] + collector[1];
  layout.interpreter_modules = interpreter[shape.collector_at + 1];
  const size_t lock = shape.collector_at + 4;
  layout.interpreter_lock = interpreter[lock];
  // Told as offsets of the interpreter's own lock; that of another may be the one in use.
  const uint32_t own = interpreter[lock + 1];
  layout.lock_is_locked = interpreter[lock + 3] - own;
  layout.lock_holder = interpreter[lock + 4] - own;
  layout.thread_next = thread[2];
  layout.thread_interpreter = thread[3];
  layout.thread_frame = thread[4];
  layout.thread_pthread = thread[shape.thread_id_at];
  layout.thread_native = thread[shape.thread_id_at + 1];
  if (shape.minor >= 15) layout.thread_exception_value = thread[14];
  layout.frame_previous = frame[1];
  layout.frame_code = frame[2];
  layout.frame_instruction = frame[3];
  layout.frame_values = frame[4];
  layout.frame_owner = frame[5];
  if (shape.minor >= 14) layout.frame_stack_end = frame[6];
  layout.code_file = code[1];
  layout.code_name = code[2];
  layout.code_qualified_name = code[3];
  layout.code_lines = code[4];
  layout.code_first_line = code[5];
  layout.code_arguments = code[6];
  layout.code_all_names = code[7];
  layout.code_all_kinds = code[8];
  layout.code_instructions = code[9];
  layout.object_type = object[1];
  layout.type_name = type[1];
  layout.tuple_items = tuple[1];
  layout.tuple_size = tuple[2];
  layout.bytes_size = bytes[1];
  layout.bytes_value = bytes[2];
  layout.text_state = text[1];
  layout.text_length = text[2];
  layout.ascii_size = static_cast<uint32_t>(text[3]);
  layout.compact_size = layout.ascii_size + 16;  // utf8_length, utf8
  if (shape.generator != 0) {
    layout.generator_inner_frame = generator[2];
    layout.generator_state = generator[3];
    if (!generator.is_sound()) layout.generator_inner_frame.reset();
  }
  if (shape.heap_type != 0) {
    layout.heap_type_keys = heap_type[1];
    if (!heap_type.is_sound()) layout.heap_type_keys.reset();
  }
  const bool is_sound = cursor.ok() && runtime.is_sound() && interpreter.is_sound() &&
                        thread.is_sound() && frame.is_sound() && code.is_sound() &&
                        object.is_sound() && type.is_sound() && tuple.is_sound() &&
                        bytes.is_sound() && text.is_sound() && collector.is_sound();
  // What no version changes: an object is a count and a type, a text's length comes next.
  const bool fits = object.size() == 16 && layout.object_type == 8 && layout.text_length == 16 &&
                    layout.bytes_size == 16 && layout.tuple_size == 16;
  return is_sound && fits ? std::optional(layout) : std::nullopt;
}

// From the headers of 3.13.0, 3.14.10 and 3.15.2. They are of use only where what is told of their
// neighbours is as there.
void add_what_is_not_told(uint32_t minor, Layout& layout) {
  if (minor <= 14 && layout.thread_frame == 72u && layout.thread_pthread == 152)
    layout.thread_exception_value = kException;
  if (layout.frame_previous == 8 && layout.frame_instruction == 56) {
    layout.frame_globals = 24;
    layout.frame_locals = 40;
    if (minor == 13) layout.frame_stack_size = 64;
  }
  if (layout.code_arguments == 52u && layout.code_first_line == 68) {
    layout.code_flags = 48;
    layout.code_keyword_arguments = 60;
  }
  if (minor == 13) {
    layout.generator_inner_frame = 72;
    layout.generator_state = 67;
  }
  layout.generator_name = 32;
  if (minor <= 14) layout.heap_type_keys = 880;
}

}  // namespace

Result<DescribedLayout> read_debug_offsets(ByteView bytes) {
  Cursor cursor(bytes);
  const ByteView cookie = cursor.bytes(kDebugCookie.size());
  const uint64_t hex = cursor.u64();
  const uint64_t is_free_threaded = cursor.u64();
  const std::string_view word(reinterpret_cast<const char*>(cookie.data()), cookie.size());
  if (!cursor.ok() || word != kDebugCookie)
    return Error(ErrorCode::kNotFound, "CPython does not describe itself here");
  const auto version = version_of_hex(hex);
  if (!version) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("CPython tells its version as {:#x}, which is none", hex));
  }
  if (is_free_threaded != 0) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("CPython {} is a free-threaded build, which is not read yet",
                             to_string(*version)));
  }
  bool is_known = false;
  for (const Shape& shape : kShapes) {
    if (shape.minor != version->minor) continue;
    is_known = true;
    auto layout = read_shape(cursor, shape);
    if (!layout) continue;
    add_what_is_not_told(version->minor, *layout);
    return DescribedLayout{*version, *layout};
  }
  if (!is_known) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("CPython {} is not known", to_string(*version)));
  }
  return Error(ErrorCode::kCorrupt,
               fmt::format("what CPython {} tells of its own structures cannot be right",
                           to_string(*version)));
}

}  // namespace inquest::process::cpython
