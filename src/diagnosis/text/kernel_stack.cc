#include "diagnosis/text/kernel_stack.h"

#include <algorithm>
#include <array>

#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

using Names = std::string_view;
constexpr auto kNowhere = std::string_view::npos;
constexpr size_t kMaxFrames = 512;

// "f+0x20/0xec": the name, when offset and size follow it.
std::string_view take_symbol(Words& words) {
  Words probe = words;
  const std::string_view word = probe.take_word();
  const size_t plus = word.rfind('+'), slash = word.rfind('/');
  if (plus == kNowhere || plus == 0 || slash == kNowhere || slash < plus) return {};
  const auto is_hex = [](std::string_view digits) {
    if (digits.starts_with("0x")) digits.remove_prefix(2);
    return !digits.empty() && digits.find_first_not_of("0123456789abcdef") == kNowhere;
  };
  const std::string_view offset = word.substr(plus + 1, slash - plus - 1);
  const std::string_view size = word.substr(slash + 1);
  if (!is_hex(offset) || !is_hex(size)) return {};
  if (!offset.starts_with("0x") && !size.starts_with("0x")) return {};
  words = probe;
  return word.substr(0, plus);
}

// The linker's marks and string literals have addresses, but are no functions.
bool is_no_function(std::string_view name) {
  return name.starts_with('.') || name == "_etext" || name == "_edata" || name == "_end" ||
         name == "_text" || name == "_stext";
}

// Behind the symbol: " [module]", " fs/ioctl.c:43", " (discriminator 3)"
void take_kernel_place(Words words, StackLine& line) {
  words.skip_blanks();
  if (words.take("[")) {
    if (const auto module = words.take_until("]"))
      line.module = trim(module->substr(0, module->find(' ')));
    words.skip_blanks();
  }
  if (!words.at_end()) parse_source_place(words.take_word(), line);
}

// "[<ffffffc000bd5760>]", "[<     inline     >]"; false when it is neither.
bool take_bracket(Words& words, StackLine& line, bool& is_inlined) {
  const auto inside = words.take_until(">]");
  if (!inside) return false;
  const std::string_view value = trim(*inside);
  if (value == "inline" || value == "inlined" || value == "none") {
    is_inlined = value != "none";
    return true;
  }
  Words digits(value);
  digits.take("0x");
  const auto pc = digits.take_bare_hex();
  if (!pc || !digits.at_end()) return false;
  line.pc = Address(*pc);
  return true;
}

std::optional<KernelFrame> behind_bracket(Words words, KernelFrame frame, bool is_inlined) {
  words.skip_blanks();
  if (words.take("? ")) frame.is_guess = true;
  if (words.take("(")) {  // 32-bit ARM: "(f+0x8/0x40) from [<c0095e60>] (g+0x10/0x80)"
    const auto inside = words.take_until(")");
    if (!inside) return std::nullopt;
    Words symbol(*inside);
    frame.line.function = take_symbol(symbol);
    return frame.line.function.empty() ? std::nullopt : std::optional(frame);
  }
  frame.line.function = take_symbol(words);
  if (is_inlined) {
    words.skip_blanks();
    const std::string_view rest = words.rest();
    // "outer+0xa8/0xa8 inner a.h:3", "inner a.h:3"
    if (rest.find(' ') != kNowhere) frame.line.function = words.take_word();
  }
  if (is_no_function(frame.line.function)) frame.line.function = {};
  take_kernel_place(words, frame.line);
  return frame;
}

constexpr std::array<Names, 34> kReporting = {"dump_backtrace",
                                              "show_stack",
                                              "__dump_stack",
                                              "dump_stack",
                                              "print_address_description",
                                              "check_memory_region",
                                              "panic",
                                              "__warn",
                                              "warn_slowpath",
                                              "die",
                                              "oops_end",
                                              "oops_begin",
                                              "no_context",
                                              "__bad_area",
                                              "bad_area",
                                              "do_page_fault",
                                              "__do_page_fault",
                                              "page_fault",
                                              "do_user_addr_fault",
                                              "do_kern_addr_fault",
                                              "page_fault_oops",
                                              "do_general_protection",
                                              "general_protection",
                                              "do_error_trap",
                                              "do_invalid_op",
                                              "invalid_op",
                                              "do_trap",
                                              "fixup_bug",
                                              "report_bug",
                                              "bug_handler",
                                              "do_translation_fault",
                                              "do_mem_abort",
                                              "__do_kernel_fault",
                                              "print_report"};
constexpr std::array<Names, 18> kReportingPrefixes = {
    "dump_stack_lvl", "kasan_",   "__kasan_", "__asan_",
    "__hwasan_",      "__msan_",  "kmsan_",   "__tsan_",
    "kcsan_",         "__ubsan_", "ubsan_",   "exc_",
    "asm_exc_",       "el1_",     "el1h_",    "do_debug_exception",
    "brk_handler",    "kfence_"};
// Helpers that work on what their caller hands them.
constexpr std::array<Names, 20> kHelpers = {"memcpy",
                                            "memset",
                                            "memmove",
                                            "memcmp",
                                            "strlen",
                                            "strnlen",
                                            "strcmp",
                                            "strncmp",
                                            "strcpy",
                                            "strncpy",
                                            "strscpy",
                                            "_raw_spin_lock",
                                            "_raw_spin_lock_irqsave",
                                            "_raw_spin_lock_irq",
                                            "_raw_spin_lock_bh",
                                            "mutex_lock",
                                            "__mutex_lock",
                                            "__lock_acquire",
                                            "lock_acquire",
                                            "__list_del_entry_valid"};
constexpr std::array<Names, 7> kHelperPrefixes = {"copy_user_", "_copy_",   "__copy_", "copy_to_",
                                                  "copy_from_", "__memcpy", "__memset"};

template <size_t N>
bool is_one_of(std::string_view name, const std::array<Names, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}
template <size_t N>
bool starts_with_one_of(std::string_view name, const std::array<Names, N>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](Names prefix) { return name.starts_with(prefix); });
}

CodeRole kernel_role(std::string_view name) {
  if (name.empty()) return CodeRole::kUnknown;
  if (is_one_of(name, kReporting) || starts_with_one_of(name, kReportingPrefixes))
    return CodeRole::kAbort;
  if (is_one_of(name, kHelpers) || starts_with_one_of(name, kHelperPrefixes))
    return CodeRole::kLibrary;
  return CodeRole::kUser;
}

bool is_mark(std::string_view text) {
  return text.size() < 12 && text.starts_with('<') && text.ends_with('>');
}

}  // namespace

std::optional<KernelFrame> parse_kernel_frame(std::string_view text) {
  Words words(trim(text));
  KernelFrame frame;
  bool is_inlined = false;
  if (words.take("#")) {
    const auto number = words.take_number();
    if (!number || *number > kMaxFrames || !words.take(" [<")) return std::nullopt;
    if (!take_bracket(words, frame.line, is_inlined)) return std::nullopt;
    return behind_bracket(words, frame, is_inlined);
  }
  if (words.take("[<")) {
    if (!take_bracket(words, frame.line, is_inlined)) return std::nullopt;
    return behind_bracket(words, frame, is_inlined);
  }
  if (words.take("? ")) frame.is_guess = true;
  frame.line.function = take_symbol(words);
  if (frame.line.function.empty()) return std::nullopt;
  if (is_no_function(frame.line.function)) frame.line.function = {};
  take_kernel_place(words, frame.line);
  return frame;
}

std::optional<StackLine> parse_kernel_pc(std::string_view text) {
  Words words(trim(text));
  if (words.take("RIP: ")) {
    if (!words.take_until(":")) return std::nullopt;  // the code segment
  } else if (!words.take("PC is at") && !words.take("pc : ") && !words.take("EIP: ")) {
    return std::nullopt;
  }
  StackLine line;
  for (int repeated = 0; repeated < 2; ++repeated) {  // "[<…>]  [<…>] f+0x1/0x2"
    words.skip_blanks();
    bool is_inlined = false;
    if (words.take("[<") && !take_bracket(words, line, is_inlined)) return std::nullopt;
  }
  words.skip_blanks();
  line.function = take_symbol(words);
  take_kernel_place(words, line);
  if (line.function.empty() && !line.pc) return std::nullopt;
  return line;
}

size_t read_kernel_stack(const ReportLines& lines, StackFacts& stack) {
  size_t taken = 0;
  for (size_t i = 0; i < std::min(lines.size(), kMaxFrames); ++i) {
    if (is_mark(lines[i])) continue;
    const auto frame = parse_kernel_frame(lines[i]);
    if (!frame) break;
    taken = i + 1;
    if (!frame->is_guess) append_frame(frame->line, stack);
  }
  return taken;
}

void set_kernel_roles(StackFacts& stack) {
  for (FrameFact& frame : stack.frames) {
    for (FunctionFact& function : frame.functions) function.role = kernel_role(function.short_name);
  }
}

}  // namespace inquest::diagnosis
