#include "diagnosis/text/rust_backtrace.h"

#include <algorithm>

#include "diagnosis/facts/roles.h"
#include "diagnosis/facts/rust_panic.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kHash = 16;  // hexadecimal digits

bool is_hash(std::string_view text) {
  return text.size() == kHash &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_machinery(const FunctionFact& function) {
  const std::string_view name = function.short_name;
  return is_panic_function(name) || is_abort_machinery(name) || name == "rust_begin_unwind" ||
         name == "__rustc::rust_begin_unwind" || name.starts_with("core::panicking::") ||
         name.starts_with("std::panicking::") || name.starts_with("core::option::unwrap_failed") ||
         name.starts_with("core::option::expect_failed") ||
         name.starts_with("core::result::unwrap_failed") ||
         name.starts_with("alloc::alloc::handle_alloc_error") ||
         name.starts_with("std::alloc::rust_oom");
}

// What carries every thread and stands below the user's code, not above it.
bool is_catcher(std::string_view name) {
  return name.starts_with("std::panicking::try") ||
         name.starts_with("std::panicking::catch_unwind") ||
         name.starts_with("std::panic::catch_unwind");
}

// "   3:     0x55d7 - name" or "   3: name"; nullopt when it is no such line.
std::optional<RuntimeFrame> frame_of(std::string_view text) {
  Words words(text);
  words.skip_blanks();
  if (!words.take_number() || !words.take(":") || !words.rest().starts_with(" "))
    return std::nullopt;
  words.skip_blanks();
  RuntimeFrame frame;
  if (const auto pc = words.take_hex()) {
    frame.pc = Address(*pc);
    words.skip_blanks();
    if (!words.take("-")) return std::nullopt;
  }
  const std::string_view name = trim(words.rest());
  if (name.empty()) return std::nullopt;
  if (name != "<unknown>" && name != "???") frame.function = without_rust_hashes(name);
  return frame;
}

}  // namespace

std::string without_rust_hashes(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const size_t open = name.find('[');
    if (open == std::string_view::npos || name.size() < open + kHash + 2 ||
        name[open + kHash + 1] != ']' || !is_hash(name.substr(open + 1, kHash))) {
      const size_t next = open == std::string_view::npos ? name.size() : open + 1;
      out += name.substr(0, next);
      name.remove_prefix(next);
      continue;
    }
    out += name.substr(0, open);
    name.remove_prefix(open + kHash + 2);
  }
  const size_t hash = out.rfind("::h");
  if (hash != std::string::npos && is_hash(std::string_view(out).substr(hash + 3)))
    out.resize(hash);
  return out;
}

size_t read_rust_frames(TextLines lines, StackFacts& stack) {
  size_t taken = 0;
  while (taken < lines.size()) {
    auto frame = frame_of(lines[taken].text);
    if (!frame) break;
    ++taken;
    if (taken < lines.size()) {
      const std::string_view place = trim(lines[taken].text);
      if (place.starts_with("at ") && lines[taken].text.front() == ' ') {
        parse_runtime_place(place.substr(3), *frame);
        ++taken;
      }
    }
    append_runtime_frame(std::move(*frame), stack);
  }
  return taken;
}

size_t first_frame_below_panic(const StackFacts& stack) {
  size_t below = 0;
  for (size_t i = 0; i < stack.frames.size(); ++i) {
    const FunctionFact& function = stack.frames[i].functions.back();
    if (is_catcher(function.short_name)) break;
    if (is_machinery(function)) below = i + 1;
  }
  return below < stack.frames.size() ? below : 0;
}

}  // namespace inquest::diagnosis
