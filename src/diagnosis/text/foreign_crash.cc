// Crash reports of other systems, as far as their heads go: macOS and iOS (exception, the thread
// that crashed), Windows (exception code, address, the stack of cdb).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/stack_lines.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kAppleTriggers[] = {"Exception Type:", "Process:  "};
constexpr std::string_view kWindowsTriggers[] = {"- code c0", "ExceptionCode: ", "Exception Code:",
                                                 "Exception code: 0x", "Unhandled exception at 0x"};
constexpr size_t kMaxHead = 80, kMaxAppleLines = 4'000, kMaxWindowsLines = 2'000;

std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
  if (!text.starts_with(key)) return std::nullopt;
  return trim(text.substr(key.size()));
}

// --- macOS, iOS

struct AppleHead {
  std::string process, type, codes, reason;
  int32_t pid = 0;
};

// "EXC_BAD_ACCESS (SIGSEGV)"
int apple_signal(std::string_view type) {
  const size_t open = type.find("(SIG");
  if (open != std::string_view::npos)
    return signal_number_of(type.substr(open + 1, type.find(')', open) - open - 1));
  if (type.starts_with("EXC_BAD_ACCESS")) return kSigSegv;
  if (type.starts_with("EXC_BREAKPOINT")) return kSigTrap;
  if (type.starts_with("EXC_CRASH")) return kSigAbrt;
  return 0;
}

size_t take_apple_head(TextLines lines, AppleHead& head) {
  for (size_t at = 0; at < std::min(lines.size(), kMaxHead); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (const auto process = value_of(text, "Process:")) {
      head.process = trim(process->substr(0, process->find(" [")));
      const size_t open = process->rfind('[');
      if (open != std::string_view::npos) {
        if (const auto pid = Words(process->substr(open + 1)).take_number();
            pid && *pid <= INT32_MAX)
          head.pid = static_cast<int32_t>(*pid);
      }
    } else if (const auto type = value_of(text, "Exception Type:")) {
      head.type = *type;
    } else if (const auto codes = value_of(text, "Exception Codes:")) {
      head.codes = *codes;
    } else if (const auto subtype = value_of(text, "Exception Subtype:")) {
      head.codes = *subtype;
    } else if (const auto reason = value_of(text, "Termination Reason:")) {
      head.reason = *reason;
    } else if (text.starts_with("Thread ") && !head.type.empty()) {
      return at;
    }
  }
  return head.type.empty() ? 0 : 1;
}

// "3   App   0x0000000100a1 shop::rate(Cart&) + 12 (cart.cc:10)"
std::optional<StackLine> apple_frame(std::string_view text) {
  Words words(trim(text));
  const auto number = words.take_number();
  if (!number || *number > 100'000 || !words.rest().starts_with(" ")) return std::nullopt;
  const size_t at = words.rest().find("0x");
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  StackLine line;
  line.number = static_cast<uint32_t>(*number);
  line.module = trim(words.rest().substr(0, at));
  words = Words(words.rest().substr(at));
  const auto pc = words.take_hex();
  if (!pc || line.module.empty()) return std::nullopt;
  line.pc = Address(*pc);
  std::string_view rest = trim(words.rest());
  if (rest.ends_with(')')) {
    const size_t open = rest.rfind(" (");
    if (open != std::string_view::npos &&
        parse_source_place(rest.substr(open + 2, rest.size() - open - 3), line))
      rest = rest.substr(0, open);
  }
  if (const size_t plus = rest.rfind(" + "); plus != std::string_view::npos)
    rest = rest.substr(0, plus);
  if (!rest.starts_with("0x")) line.function = rest;
  return line;
}

size_t take_apple_threads(TextLines lines, Facts& facts) {
  size_t end = 0;
  for (size_t at = 0; at < std::min(lines.size(), kMaxAppleLines); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("Thread ") && text.find(" crashed with ") != std::string_view::npos) break;
    if (text.starts_with("Binary Images:")) break;
    const bool crashed =
        text.starts_with("Thread ") && text.find(" Crashed:") != std::string_view::npos;
    if (!crashed) continue;
    size_t i = at + 1;
    while (i < lines.size()) {
      const auto frame = apple_frame(lines[i].text);
      if (!frame) break;
      append_frame(*frame, facts.crashing);
      ++i;
    }
    end = i;
  }
  return end;
}

size_t read_apple(TextLines lines, TextReport& report) {
  AppleHead head;
  const size_t body = take_apple_head(lines, head);
  const int signal = apple_signal(head.type);
  if (body == 0 || signal == 0) return 0;
  Facts& facts = report.facts;
  size_t taken = take_apple_threads(lines.subspan(body), facts);
  taken = taken == 0 ? body : body + taken;
  if (facts.crashing.frames.empty()) facts.crashing.end = "not printed";
  facts.reported.emplace().tool = "macOS crash report";
  facts.reported->error = head.type;
  facts.reported->summary = head.codes;
  facts.process.command = head.process;
  facts.process.pid = head.pid;
  std::optional<Address> address;
  if (const size_t at = head.codes.find(" at 0x"); at != std::string::npos) {
    if (const auto value = Words(std::string_view(head.codes).substr(at + 4)).take_hex())
      address = Address(*value);
  }
  set_signal(facts, signal, std::nullopt, address);
  if (is_fault_signal(signal) && address)
    set_fault(facts, AccessKind::kNone, address, std::nullopt);
  if (signal == kSigAbrt) facts.abort.kind = AbortFacts::Kind::kAbortCall;
  if (!head.reason.empty()) facts.other.push_back({"reason given: " + head.reason, {}});
  return finish_report(lines, taken, kAppleCrash.name, report);
}

// --- Windows

struct WindowsCode {
  uint32_t code;
  int signal;  // the nearest thing on Linux
  std::string_view words;
};
constexpr std::array<WindowsCode, 10> kCodes = {{
    {0xc0000005, kSigSegv, "access violation"},
    {0xc0000006, kSigBus, "error while paging in"},
    {0xc000001d, kSigIll, "illegal instruction"},
    {0xc0000094, kSigFpe, "integer division by zero"},
    {0xc0000095, kSigFpe, "integer overflow"},
    {0xc00000fd, kSigSegv, "stack overflow"},
    {0xc0000374, kSigAbrt, "heap corruption"},
    {0xc0000409, kSigAbrt, "stack buffer overrun"},
    {0xe06d7363, kSigAbrt, "C++ exception"},
    {0x80000003, kSigTrap, "breakpoint"},
}};

// The exception code in a line of one of the known forms.
const WindowsCode* windows_code(std::string_view text) {
  for (const std::string_view mark : {"- code ", "ExceptionCode: ", "Exception Code:",
                                      "Exception code: ", "Unhandled exception at "}) {
    size_t at = text.find(mark);
    if (at == std::string_view::npos) continue;
    std::string_view rest = trim(text.substr(at + mark.size()));
    if (mark.starts_with("Unhandled")) {
      at = rest.find(": 0x");
      if (at == std::string_view::npos) continue;
      rest = rest.substr(at + 2);
    }
    Words words(rest);
    words.take("0x");
    const auto code = words.take_bare_hex();
    for (const WindowsCode& known : kCodes) {
      if (code && *code == known.code) return &known;
    }
  }
  return nullptr;
}

struct WindowsDeath {
  const WindowsCode* code = nullptr;
  std::optional<Address> address;
  AccessKind access = AccessKind::kNone;
  std::string process;
};

// "Attempt to read from address 0000000000000000", "Access violation writing location 0x0"
void take_access(std::string_view text, WindowsDeath& death) {
  struct Form {
    std::string_view words;
    AccessKind access;
  };
  static constexpr std::array<Form, 6> kForms = {
      {{"Attempt to read from address ", AccessKind::kRead},
       {"Attempt to write to address ", AccessKind::kWrite},
       {"Attempt to execute non-executable address ", AccessKind::kExecute},
       {"reading location ", AccessKind::kRead},
       {"writing location ", AccessKind::kWrite},
       {"executing location ", AccessKind::kExecute}}};
  for (const Form& form : kForms) {
    const size_t at = text.find(form.words);
    if (at == std::string_view::npos || death.address) continue;
    Words words(text.substr(at + form.words.size()));
    words.take("0x");
    if (const auto value = words.take_bare_hex()) {
      death.address = Address(*value);
      death.access = form.access;
    }
  }
}

// "ntdll", "ntdll_77290000", "KERNEL32"
bool is_windows_library(std::string_view module) {
  static constexpr std::array<std::string_view, 12> kNames = {
      "ntdll",    "kernel32",  "kernelbase", "user32", "gdi32",    "msvcrt",
      "ucrtbase", "vcruntime", "msvcp",      "wow64",  "advapi32", "combase"};
  std::string lower(module.substr(0, 16));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view name) { return lower.starts_with(name); });
}

// "002df7e4 00fd1423 00fd1078 00fd1078 7f956000 App!crash+0x1e", "0000`1234 … : … : App!f+0x1"
bool take_cdb_frame(std::string_view text, StackFacts& stack) {
  const size_t bang = text.find('!');
  const size_t blank = text.rfind(' ', bang);
  if (bang == std::string_view::npos || blank == std::string_view::npos || blank == 0) return false;
  const std::string_view numbers = text.substr(0, blank);
  if (numbers.find_first_not_of("0123456789abcdefABCDEF` :") != std::string_view::npos ||
      numbers.size() < 8)
    return false;
  StackLine line;
  line.module = text.substr(blank + 1, bang - blank - 1);
  std::string_view name = text.substr(bang + 1);
  if (const size_t open = name.find(" ["); open != std::string_view::npos) {
    std::string_view place = name.substr(open + 2);
    place = place.substr(0, place.find(']'));
    if (const size_t at = place.rfind(" @ "); at != std::string_view::npos) {
      line.file = trim(place.substr(0, at));
      if (const auto number = number_of(trim(place.substr(at + 3)));
          number && *number <= UINT32_MAX)
        line.line = static_cast<uint32_t>(*number);
    }
    name = name.substr(0, open);
  }
  line.function = name.substr(0, name.find("+0x"));
  // Without a name there stands the ordinal of the exported function before it.
  if (line.function.starts_with("Ordinal") && number_of(line.function.substr(7)))
    line.function = {};
  append_frame(line, stack);
  if (is_windows_library(line.module))
    stack.frames.back().functions.back().role = CodeRole::kLibrary;
  return true;
}

// The debugger sees an exception before the program does; most are dealt with there.
bool is_first_chance(std::string_view text) {
  return text.find("(first chance)") != std::string_view::npos;
}

bool second_chance_follows(TextLines lines) {
  constexpr size_t kNear = 200;
  const TextLines near = lines.first(std::min(lines.size(), kNear));
  return std::any_of(near.begin(), near.end(), [](const TextLine& line) {
    return line.text.find("(!!! second chance !!!)") != std::string_view::npos;
  });
}

size_t read_windows(TextLines lines, TextReport& report) {
  WindowsDeath death;
  death.code = windows_code(trim(lines[0].text));
  if (death.code == nullptr) return 0;
  const bool first_chance = is_first_chance(lines[0].text);
  if (first_chance && second_chance_follows(lines)) return 0;
  Facts& facts = report.facts;
  size_t end = 1;
  take_access(lines[0].text, death);
  bool in_stack = false;
  StackFacts stack;  // of several that are printed the longest says most
  const auto keep = [&] {
    if (stack.frames.size() > facts.crashing.frames.size()) facts.crashing = std::move(stack);
    stack = {};
  };
  for (size_t at = 1; at < std::min(lines.size(), kMaxWindowsLines); ++at) {
    const std::string_view text = trim(lines[at].text);
    take_access(text, death);
    if (const auto name = value_of(text, "PROCESS_NAME:")) death.process = *name;
    if (text.starts_with("STACK_TEXT:") || text.starts_with("ChildEBP") ||
        text.starts_with("Child-SP")) {
      keep();
      in_stack = true;
      continue;
    }
    const bool frame = in_stack && take_cdb_frame(text, stack);
    if (frame) end = at + 1;
    // cdb breaks long names over lines.
    if (in_stack && !frame && (text.empty() || text.starts_with("STACK_COMMAND"))) in_stack = false;
    if (const WindowsCode* code = windows_code(text); code != nullptr && !is_first_chance(text)) {
      death.code = code;
      end = std::max(end, at + 1);
    }
    if (text.starts_with("quit:")) break;
  }
  keep();
  if (first_chance && facts.crashing.frames.empty()) return 0;
  facts.reported.emplace().tool = "Windows";
  facts.reported->error = death.code->words;
  facts.reported->access = death.access;
  facts.process.command = death.process;
  set_signal(facts, death.code->signal, std::nullopt, death.address);
  if (death.code->signal == kSigSegv && death.address)
    set_fault(facts, death.access, death.address, std::nullopt);
  if (death.code->signal == kSigAbrt) {
    facts.abort.kind = AbortFacts::Kind::kOther;
    facts.abort.message = death.code->words;
    if (death.code->code == 0xc0000374) facts.abort.kind = AbortFacts::Kind::kGlibcHeap;
    if (death.code->code == 0xc0000409) facts.abort.kind = AbortFacts::Kind::kStackSmashing;
    if (death.code->code == 0xe06d7363) facts.abort.kind = AbortFacts::Kind::kException;
  }
  facts.other.push_back(
      {fmt::format("a crash of Windows: exception {:#010x} ({}); the signal named "
                   "is the nearest of Linux",
                   death.code->code, death.code->words),
       {}});
  if (facts.crashing.frames.empty()) facts.crashing.end = "not printed";
  return finish_report(lines, end, kWindowsException.name, report);
}

}  // namespace

const Format kAppleCrash = {"apple-crash", kAppleTriggers, read_apple};
const Format kWindowsException = {"windows-exception", kWindowsTriggers, read_windows};

}  // namespace inquest::diagnosis
