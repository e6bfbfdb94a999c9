// Android's tombstones, as files and in logcat.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/last_words.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/stack_lines.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kStars = "*** *** *** *** *** ***";
constexpr std::string_view kTriggers[] = {kStars, "Fatal signal ", ">>> "};
constexpr size_t kMaxHead = 60, kMaxLines = 20'000, kMaxThreads = 512, kMaxStrange = 40;

// logcat's tag, where it was not stripped with the time: "F DEBUG   : ", "F/DEBUG   ( 123): "
std::string_view line_of(const TextLine& line) {
  std::string_view text = trim(line.text);
  const size_t tag = text.find("DEBUG");
  if (tag == std::string_view::npos || tag > 48) return text;
  const size_t colon = text.find(": ", tag);
  if (colon == std::string_view::npos) return text.ends_with(':') ? std::string_view() : text;
  return trim(text.substr(colon + 2));
}

struct Tombstone {
  int signal = 0;
  std::optional<int> code;
  std::optional<Address> address, pc;
  AccessKind access = AccessKind::kNone;
  int32_t pid = 0, tid = 0;
  std::string thread, process, build, abi, abort_message, cause;
  StackFacts crashing;
  std::vector<StackFacts> others;
};

// "pid: 1234, tid: 1240, name: RenderThread  >>> com.example.app <<<"
bool take_ids(std::string_view text, int32_t& pid, int32_t& tid, std::string& thread,
              std::string& process) {
  Words words(text);
  if (!words.take("pid: ")) return false;
  const auto a = words.take_number();
  if (!a || *a > INT32_MAX || !words.take(", tid: ")) return false;
  const auto b = words.take_number();
  if (!b || *b > INT32_MAX) return false;
  pid = static_cast<int32_t>(*a);
  tid = static_cast<int32_t>(*b);
  if (words.take(", name: ")) {
    const std::string_view rest = words.rest();
    thread = trim(rest.substr(0, rest.find(">>>")));
  }
  if (words.take_until(">>> ")) process = trim(words.rest().substr(0, words.rest().find(" <<<")));
  return true;
}

// "signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0 (write)"; "Fatal signal 11 …" alike
bool take_signal(std::string_view text, Tombstone& out) {
  Words words(text);
  if (!words.take("signal ") && !words.take("Fatal signal ")) return false;
  const auto number = words.take_number();
  if (!number || *number == 0 || *number > 64 || !words.take(" (SIG")) return false;
  out.signal = static_cast<int>(*number);
  if (words.take_until(", code ")) {
    const bool negative = words.take("-");
    if (const auto code = words.take_number(); code && *code <= INT32_MAX)
      out.code = negative ? -static_cast<int>(*code) : static_cast<int>(*code);
  }
  if (words.take_until("fault addr ")) {
    if (const auto address = words.take_hex()) out.address = Address(*address);
    if (words.rest().starts_with(" (write)")) out.access = AccessKind::kWrite;
    if (words.rest().starts_with(" (read)")) out.access = AccessKind::kRead;
  }
  return true;
}

// "#00 pc 0000000000012345  /system/lib64/libc.so (abort+164) (BuildId: ab12)"
std::optional<StackLine> frame_of(std::string_view text) {
  Words words(text);
  if (!words.take("#")) return std::nullopt;
  const auto number = words.take_number();
  words.skip_blanks();
  if (!number || *number > 100'000 || !words.take("pc ")) return std::nullopt;
  words.take("0x");
  const auto offset = words.take_bare_hex();
  if (!offset) return std::nullopt;
  words.skip_blanks();
  StackLine line;
  line.number = static_cast<uint32_t>(*number);
  line.module_offset = *offset;
  std::string_view rest = words.rest();
  if (const size_t id = rest.rfind(" (BuildId: "); id != std::string_view::npos) {
    line.build_id = rest.substr(id + 11, rest.find(')', id) - id - 11);
    rest = trim(rest.substr(0, id));
  }
  const size_t open = rest.find(" (");
  line.module = trim(rest.substr(0, open));
  if (open == std::string_view::npos) return line;
  std::string_view inside = rest.substr(open + 2);
  if (inside.ends_with(')')) inside.remove_suffix(1);
  if (inside.starts_with("offset ") || inside.starts_with("deleted")) {
    // "base.apk (offset 0x1000) (f+12)", "memfd:jit-cache (deleted) (com.example.Cart.price+8)"
    const size_t second = inside.find(") (");
    inside = second == std::string_view::npos ? std::string_view() : inside.substr(second + 3);
  }
  line.function = inside.substr(0, inside.rfind('+'));
  return line;
}

size_t take_backtrace(TextLines lines, StackFacts& stack) {
  size_t at = 0;
  for (; at < lines.size(); ++at) {
    const std::string_view text = line_of(lines[at]);
    const auto line = frame_of(text);
    if (line) {
      append_frame(*line, stack);
      continue;
    }
    if (text.starts_with("NOTE: ")) continue;
    if (at == 0) at = read_stack(lines, stack);  // other tools print their own form here
    break;
  }
  return at;
}

bool take_detail(std::string_view text, Tombstone& out) {
  Words words(text);
  if (words.take("Build fingerprint: ")) {
    out.build = words.rest();
  } else if (words.take("ABI: '")) {
    out.abi = words.take_until("'").value_or("");
  } else if (words.take("Abort message: ")) {
    std::string_view message = trim(words.rest());
    if (message.size() >= 2 && message.starts_with('\'') && message.ends_with('\''))
      message = message.substr(1, message.size() - 2);
    if (message.starts_with('\'')) message.remove_prefix(1);  // goes on over several lines
    out.abort_message = message.substr(0, kMaxAbortText);
  } else if (words.take("Cause: ")) {
    if (out.cause.empty()) out.cause = words.rest();
  } else if (words.take("Cmdline: ") && out.process.empty()) {
    out.process = words.rest();
  } else {
    return false;
  }
  return true;
}

// "    x28 0000…  pc 0000007f…", "    rip 00007f…"
void take_pc(std::string_view text, Tombstone& out) {
  for (const std::string_view name : {"  pc ", "rip ", " ip "}) {
    const size_t at = text.find(name);
    if (at == std::string_view::npos || out.pc) continue;
    if (const auto value = Words(text.substr(at + name.size())).take_bare_hex(); value && *value)
      out.pc = Address(*value);
  }
}

size_t take_body(TextLines lines, Tombstone& out) {
  size_t end = 0, strange = 0;
  bool first = true;
  StackFacts* stack = &out.crashing;
  for (size_t at = 0; at < std::min(lines.size(), kMaxLines); ++at) {
    const std::string_view text = line_of(lines[at]);
    int32_t pid = 0, tid = 0;
    std::string thread, process;
    Tombstone second;
    if (text.starts_with(kStars) && at > 0 && out.signal != 0 && out.crashing.total_frames > 0)
      break;
    if (take_ids(text, pid, tid, thread, process)) {
      if (first) {
        out.pid = pid, out.tid = tid, out.thread = thread, out.process = process;
      } else if (out.others.size() < kMaxThreads) {
        stack = &out.others.emplace_back();
        stack->tid = tid;
        stack->thread_name = thread;
      }
      first = false;
    } else if (take_signal(text, second)) {
      take_signal(text, out);
    } else if (text == "backtrace:" || text == "backtrace") {
      at += take_backtrace(lines.subspan(at + 1), *stack);
      end = at + 1;
      strange = 0;
      continue;
    } else if (frame_of(text) && stack->frames.empty()) {
      at += take_backtrace(lines.subspan(at), *stack) - 1;
      end = at + 1;
      continue;
    } else if (!take_detail(text, out)) {
      if (stack->frames.empty()) take_pc(text, out);
      const bool section = text.starts_with("--- ---") || text.starts_with("stack:") ||
                           text.starts_with("memory ") || text.starts_with("registers:");
      if (!section && !text.empty() && !first && !out.crashing.frames.empty() &&
          ++strange > kMaxStrange)
        break;
      if (at > kMaxHead && out.signal == 0) return 0;
      continue;
    }
    end = at + 1;
    strange = 0;
  }
  return out.signal == 0 ? 0 : end;
}

void describe(Tombstone& out, Facts& facts) {
  facts.reported.emplace().tool = "Android";
  facts.reported->error = signal_name(out.signal);
  facts.reported->summary = out.cause;
  facts.reported->access = out.access;
  facts.process.pid = out.pid;
  facts.process.command = out.process;
  if (out.abi == "arm64") facts.process.arch = "aarch64";
  if (out.abi == "x86_64") facts.process.arch = "x86_64";
  facts.crashing = std::move(out.crashing);
  facts.crashing.tid = out.tid;
  facts.crashing.thread_name = out.thread;
  facts.others = std::move(out.others);
  set_signal(facts, out.signal, out.code, out.address);
  if (is_fault_signal(out.signal) && out.address && (!out.code || *out.code > 0))
    set_fault(facts, out.access, out.address, out.pc);
  if (!out.build.empty()) facts.other.push_back({"build: " + out.build, {}});
  if (!out.cause.empty()) facts.other.push_back({"Android says of the cause: " + out.cause, {}});
  if (!out.abort_message.empty()) {
    facts.abort = parse_abort_text(out.abort_message);
    AbortFacts check;
    read_check_message(out.abort_message, check);
    if (check.kind == AbortFacts::Kind::kAssertion) facts.abort = std::move(check);
  } else if (out.signal == kSigAbrt) {
    facts.abort.kind = AbortFacts::Kind::kAbortCall;
  }
  if (facts.crashing.frames.empty()) facts.crashing.end = "not printed";
}

size_t read_report(TextLines lines, TextReport& report) {
  const std::string_view text = line_of(lines[0]);
  Tombstone out;
  int32_t pid = 0, tid = 0;
  std::string thread, process;
  const bool begins = text.starts_with(kStars) || take_signal(text, out) ||
                      (take_ids(text, pid, tid, thread, process) && !process.empty());
  if (!begins) return 0;
  out = {};
  const size_t end = take_body(lines, out);
  if (end == 0) return 0;
  describe(out, report.facts);
  return finish_report(lines, end, kAndroidTombstone.name, report);
}

}  // namespace

const Format kAndroidTombstone = {"android-tombstone", kTriggers, read_report};

}  // namespace inquest::diagnosis
