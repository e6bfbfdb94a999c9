// For the tests and the fuzzer of this room: the structures of a CPython, put together by hand from
// the same Layout that reads them, so that each version can be had.
#pragma once

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "process/image/process_image.h"
#include "process/runtime/cpython/described_test_util.h"
#include "process/runtime/cpython/find.h"
#include "process/runtime/cpython/layout.h"

namespace inquest::process::cpython {

class FakePython final : public MemoryReader {
 public:
  static constexpr uint64_t kStart = 0x600000000000, kSize = 0x40000;
  static constexpr uint64_t kStackStart = 0x7ffd00000000;
  static constexpr int32_t kTid = 71;
  static constexpr uint64_t kSelf = 0x7f0000001740;

  // Of 3.6 to 3.15, or a layout that another reader made.
  explicit FakePython(uint32_t minor) : FakePython(minor, layout_of_fake(minor)) {}
  FakePython(uint32_t minor, const Layout& of)
      : version{3, minor, std::nullopt}, layout(of), bytes_(kSize, 0) {
    Thread& thread = image.threads.emplace_back();
    thread.tid = kTid;
    thread.registers.set(isa::x86::kFsBase, kSelf);
    meta_type_ = take(0x200);
    put(meta_type_ + layout.object_type, meta_type_);
    put(meta_type_ + layout.type_name, c_text("type"));
    interpreters = take(8);
    interpreter = take(0x4000);
    put(interpreters, interpreter);
    thread_state = add_thread(kSelf, kTid);
  }

  // --- objects ------------------------------------------------------------------------------

  uint64_t type(std::string_view name) {
    uint64_t& at = types_[std::string(name)];
    if (at != 0) return at;
    at = take(0x400);
    put(at + layout.object_type, meta_type_);
    put(at + layout.type_name, c_text(name));
    return at;
  }
  uint64_t object(std::string_view type_name, uint64_t size) {
    const uint64_t type_at = type(type_name);
    const uint64_t at = take(size);
    put(at + layout.object_type, type_at);
    return at;
  }
  // `width` bytes a character; ASCII when `ascii`.
  uint64_t text(std::string_view characters, uint32_t width = 1, bool ascii = true) {
    const uint64_t header = ascii ? layout.ascii_size : layout.compact_size;
    const uint64_t at = object("str", header + characters.size() * width);
    put(at + layout.text_length, characters.size());
    const uint32_t state = (width | 8u | (ascii ? 16u : 0u)) << text_kind_bit;
    put(at + layout.text_state, state, 4);
    for (size_t i = 0; i < characters.size(); ++i)
      put(at + header + i * width, static_cast<uint8_t>(characters[i]), width);
    return at;
  }
  uint64_t bytes(const Bytes& value) {
    const uint64_t at = object("bytes", layout.bytes_value + value.size());
    put(at + layout.bytes_size, value.size());
    for (size_t i = 0; i < value.size(); ++i) put(at + layout.bytes_value + i, value[i], 1);
    return at;
  }
  // All of its instructions are of line `line`, which follows the first.
  uint64_t code(std::string_view function, std::string_view file, uint32_t line) {
    const uint64_t name = text(function), file_name = text(file);
    const uint64_t table = bytes(!version.is_at_least(10)   ? Bytes{0, 1}
                                 : !version.is_at_least(11) ? Bytes{200, 1}
                                                            : Bytes{0xd8 | 7, 4, 9});
    const uint64_t at = object("code", 0x200);
    put(at + layout.code_name, name);
    if (layout.code_qualified_name) put(at + *layout.code_qualified_name, name);
    put(at + layout.code_file, file_name);
    put(at + layout.code_lines, table);
    put(at + layout.code_first_line, line - 1, 4);
    return at;
  }

  // --- threads and frames -------------------------------------------------------------------

  uint64_t add_thread(uint64_t self, int32_t tid) {
    const uint64_t at = take(0x500);
    put(at + layout.thread_interpreter, interpreter);
    put(at + layout.thread_pthread, self);
    if (layout.thread_native) put(at + *layout.thread_native, static_cast<uint64_t>(tid));
    put(at + layout.thread_next, get(interpreter + layout.interpreter_threads));
    put(interpreter + layout.interpreter_threads, at);
    return at;
  }
  // Calls `code_at` from what is innermost. `new_call`: through a call of the interpreter's loop,
  // whose record lies at `stack` on the native stack.
  uint64_t push(uint64_t code_at, bool new_call = true, uint64_t stack = 0) {
    uint64_t previous = innermost_;
    if (new_call && version.is_at_least(12)) {
      const uint64_t shim = stack != 0 ? stack : take(0x80);
      put(shim + layout.frame_previous, previous);
      put(shim + *layout.frame_owner, 3, 1);
      previous = shim;
    }
    const uint64_t at = version.is_at_least(11) ? take(0x100) : object("frame", 0x200);
    put(at + layout.frame_previous, previous);
    put(at + layout.frame_code, marked(code_at));
    if (version.is_at_least(11)) {
      put(at + layout.frame_instruction, code_at + layout.code_instructions + 2);
    } else {
      put(at + layout.frame_instruction, 1, 4);
    }
    if (layout.frame_is_entry) put(at + *layout.frame_is_entry, new_call ? 1 : 0, 1);
    innermost_ = at;
    set_innermost(at, new_call, stack);
    return at;
  }

  // As it stands in a frame: with a mark, which says that nobody counts this reference.
  uint64_t marked(uint64_t object_at) const {
    return version.is_at_least(14) ? object_at | 1 : object_at;
  }

  // --- memory -------------------------------------------------------------------------------

  uint64_t take(uint64_t size) {
    const uint64_t at = kStart + used_;
    used_ += (size + 15) / 16 * 16;
    if (used_ > kSize) std::abort();
    return at;
  }
  void put(uint64_t at, uint64_t value, size_t size = 8) {
    if (uint8_t* byte = place(at, size)) std::memcpy(byte, &value, size);
  }
  uint64_t get(uint64_t at) {
    uint64_t value = 0;
    if (const uint8_t* byte = place(at, 8)) std::memcpy(&value, byte, 8);
    return value;
  }
  // From here on nothing is there.
  void lose_from(uint64_t at) { end_ = at - kStart; }

  ByteView view(Address address, uint64_t max) const override {
    if (address.value >= kStackStart && address.value < kStackStart + stack_.size()) {
      const uint64_t offset = address.value - kStackStart;
      return ByteView(stack_).subspan(offset, std::min<uint64_t>(max, stack_.size() - offset));
    }
    if (address.value < kStart || address.value >= kStart + end_) return {};
    const uint64_t offset = address.value - kStart;
    return ByteView(bytes_).subspan(offset, std::min<uint64_t>(max, end_ - offset));
  }
  Missing why_missing(Address address) const override {
    if (!view(address, 1).empty()) return Missing::kNone;
    const bool was_there = address.value >= kStart && address.value < kStart + kSize;
    return was_there ? Missing::kNotDumped : Missing::kUnmapped;
  }

  Version version;
  Layout layout;
  ProcessImage image;
  uint64_t interpreters = 0, interpreter = 0, thread_state = 0;
  uint32_t text_kind_bit = 2;  // of the state of a text

 private:
  void set_innermost(uint64_t at, bool new_call, uint64_t stack) {
    if (layout.thread_frame) return put(thread_state + *layout.thread_frame, at);
    if (new_call) {
      const uint64_t control = version.is_at_least(12) || stack == 0 ? take(0x20) : stack;
      put(control + layout.control_previous, get(thread_state + *layout.thread_control));
      put(thread_state + *layout.thread_control, control);
    }
    put(get(thread_state + *layout.thread_control) + layout.control_frame, at);
  }
  uint64_t c_text(std::string_view text) {
    const uint64_t at = take(text.size() + 1);
    for (size_t i = 0; i < text.size(); ++i) put(at + i, static_cast<uint8_t>(text[i]), 1);
    return at;
  }
  uint8_t* place(uint64_t at, size_t size) {
    if (at >= kStackStart && at + size <= kStackStart + stack_.size())
      return stack_.data() + (at - kStackStart);
    if (at < kStart || at + size > kStart + kSize) return nullptr;
    return bytes_.data() + (at - kStart);
  }

  Bytes bytes_;
  Bytes stack_ = Bytes(0x1000, 0);
  uint64_t used_ = 0x100, end_ = kSize, meta_type_ = 0, innermost_ = 0;
  std::map<std::string, uint64_t> types_;
};

}  // namespace inquest::process::cpython
