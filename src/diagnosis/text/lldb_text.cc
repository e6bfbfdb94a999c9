// A session of lldb, pasted: the stop reason and `bt`, `thread backtrace all`.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/debugger_frames.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {"thread #", "frame #0: 0x"};
constexpr size_t kMaxStrange = 14;  // source lines and commands between the stacks
constexpr size_t kMaxThreads = 512, kMaxLines = 100'000;

struct Session {
  std::string reason;  // "signal SIGSEGV: invalid address (fault address: 0x38)"
  std::vector<StackFacts> stacks;
  size_t stopped = 0;  // index of the stack that `*` marks
};

bool take_thread(std::string_view text, StackFacts& stack, std::string& reason, bool& marked) {
  Words words(trim(text));
  marked = words.take("* ");
  words.skip_blanks();
  if (!words.take("thread #") || !words.take_number()) return false;
  const std::string_view rest = words.rest();
  if (const size_t name = rest.find("name = '"); name != std::string_view::npos) {
    const std::string_view value = rest.substr(name + 8);
    stack.thread_name = value.substr(0, value.find('\''));
  }
  if (const size_t why = rest.find("stop reason = "); why != std::string_view::npos)
    reason = rest.substr(why + 14);
  return true;
}

std::optional<Address> address_in(std::string_view reason) {
  for (const std::string_view mark : {"fault address: ", "fault address=", "address="}) {
    const size_t at = reason.find(mark);
    if (at == std::string_view::npos) continue;
    if (const auto value = Words(reason.substr(at + mark.size())).take_hex())
      return Address(*value);
  }
  return std::nullopt;
}

int signal_in(std::string_view reason) {
  if (reason.starts_with("signal ")) {
    const std::string_view name = reason.substr(7);
    return signal_number_of(name.substr(0, name.find_first_of(": ")));
  }
  if (reason.starts_with("EXC_BAD_ACCESS")) return kSigSegv;
  if (reason.starts_with("EXC_BAD_INSTRUCTION")) return kSigIll;
  if (reason.starts_with("EXC_ARITHMETIC")) return kSigFpe;
  if (reason.starts_with("EXC_BREAKPOINT")) return kSigTrap;
  return 0;
}

size_t take_session(TextLines lines, Session& session) {
  size_t end = 0, strange = 0;
  StackFacts next;
  bool marked = false, in_stack = false;
  const auto finish = [&] {
    if (next.frames.empty()) return;
    if (marked || session.stacks.empty()) session.stopped = session.stacks.size();
    if (session.stacks.size() < kMaxThreads) session.stacks.push_back(std::move(next));
    next = {};
  };
  for (size_t at = 0; at < std::min(lines.size(), kMaxLines); ++at) {
    const std::string_view text = trim(lines[at].text);
    std::string reason;
    bool mark = false;
    StackFacts header;
    if (const auto frame = parse_lldb_frame(text)) {
      // The same stack once more, from its first frame: `bt` behind the stop.
      if (frame->line.number == 0U && in_stack) finish();
      append_debugger_frame(*frame, next);
      in_stack = true;
      end = at + 1;
      strange = 0;
    } else if (take_thread(text, header, reason, mark)) {
      finish();
      if (mark && !reason.empty() && !session.reason.empty() && reason != session.reason) break;
      next = std::move(header);
      marked = mark;
      in_stack = false;
      if (mark && !reason.empty()) session.reason = reason;
      strange = 0;
    } else if (!text.empty() && ++strange > kMaxStrange) {
      break;
    }
  }
  finish();
  return end;
}

bool same_top(const StackFacts& a, const StackFacts& b) {
  return !a.frames.empty() && !b.frames.empty() && a.frames.front().pc == b.frames.front().pc;
}

void describe(Session& session, Facts& facts) {
  // Of two prints of the thread that stopped, the longer one.
  size_t crashed = session.stopped;
  for (size_t i = 0; i < session.stacks.size(); ++i) {
    if (same_top(session.stacks[i], session.stacks[crashed]) &&
        session.stacks[i].total_frames > session.stacks[crashed].total_frames)
      crashed = i;
  }
  facts.reported.emplace().tool = "lldb";
  facts.reported->error = session.reason.empty() ? "backtrace" : session.reason;
  const StackFacts top = session.stacks[crashed];
  for (size_t i = 0; i < session.stacks.size(); ++i) {
    if (i != crashed && !same_top(session.stacks[i], top))
      facts.others.push_back(std::move(session.stacks[i]));
  }
  facts.crashing = top;
  const int signal = signal_in(session.reason);
  const auto address = address_in(session.reason);
  set_signal(facts, signal, std::nullopt, address);
  if (is_fault_signal(signal) && address)
    set_fault(facts, AccessKind::kNone, address, facts.crashing.frames.front().pc);
  if (signal == kSigAbrt) facts.abort.kind = AbortFacts::Kind::kAbortCall;
}

size_t read_report(TextLines lines, TextReport& report) {
  StackFacts ignored;
  std::string reason;
  bool marked = false;
  const std::string_view text = trim(lines[0].text);
  const bool header = take_thread(text, ignored, reason, marked);
  if (!parse_lldb_frame(text) && (!header || (reason.empty() && !marked))) return 0;
  Session session;
  const size_t end = take_session(lines, session);
  if (session.stacks.empty()) return 0;
  describe(session, report.facts);
  return finish_report(lines, end, kLldb.name, report);
}

}  // namespace

const Format kLldb = {"lldb", kTriggers, read_report};

}  // namespace inquest::diagnosis
