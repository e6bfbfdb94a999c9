#include "diagnosis/text/python_stack.h"

#include <algorithm>

#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxRepeats = 1'000'000;

bool is_indented(std::string_view text) { return text.starts_with(' ') || text.starts_with('\t'); }

// "  [Previous line repeated 970 more times]": so many more; 0 for another line
size_t repeats_of(std::string_view text) {
  Words words(trim(text));
  if (!words.take("[Previous line repeated ")) return 0;
  const auto count = words.take_number();
  return count ? static_cast<size_t>(std::min<uint64_t>(*count, kMaxRepeats)) : 0;
}

}  // namespace

std::optional<RuntimeFrame> python_frame(std::string_view line) {
  Words words(trim(line));
  if (!words.take("File \"")) return std::nullopt;
  const auto file = words.take_until("\", line ");
  if (!file) return std::nullopt;
  RuntimeFrame frame;
  frame.file = *file;
  if (const auto number = words.take_number(); number && *number <= UINT32_MAX) {
    frame.line = static_cast<uint32_t>(*number);
  } else if (!words.take("???")) {
    return std::nullopt;
  }
  words.take(",");
  if (words.take(" in ")) frame.function = trim(words.rest());
  frame.role = runtime_role(Language::kPython, frame.function, frame.file);
  return frame;
}

size_t read_faulthandler_frames(TextLines lines, StackFacts& stack) {
  size_t at = 0;
  for (; at < lines.size(); ++at) {
    auto frame = python_frame(lines[at].text);
    if (frame) {
      append_runtime_frame(std::move(*frame), stack);
      continue;
    }
    const std::string_view text = trim(lines[at].text);
    // "  Garbage-collecting", "  <no Python frame>", "  ..."
    if (text != "..." && text != "Garbage-collecting" && text != "<no Python frame>" &&
        text != "<cannot retrieve frame>" && text != "<freed interpreter>")
      break;
    if (text == "...") stack.end = "frame-limit";
    if (text == "Garbage-collecting") stack.notes.emplace_back("it was collecting garbage");
    if (text == "<no Python frame>") stack.notes.emplace_back("it ran no Python code");
  }
  return at;
}

size_t read_traceback_frames(TextLines lines, StackFacts& stack) {
  std::vector<RuntimeFrame> frames;
  size_t at = 0, repeated = 0;
  for (; at < lines.size(); ++at) {
    const std::string_view text = lines[at].text;
    if (auto frame = python_frame(text)) {
      // "  File "<string>", line 1" without a function is where a SyntaxError stands.
      if (frame->function.empty()) frame->function = "<source>";
      frames.push_back(std::move(*frame));
    } else if (const size_t more = repeats_of(text)) {
      repeated += more;
    } else if (frames.empty() || !is_indented(text) || trim(text).empty()) {
      break;
    }
  }
  std::reverse(frames.begin(), frames.end());
  for (RuntimeFrame& frame : frames) append_runtime_frame(std::move(frame), stack);
  stack.total_frames += repeated;
  if (repeated > 0) stack.notes.push_back(std::to_string(repeated) + " repeated frames not shown");
  return at;
}

}  // namespace inquest::diagnosis
