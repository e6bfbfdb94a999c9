// Bun's crash reports: the text on the terminal, and the address that it asks to be opened.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/bun_trace_string.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {"Bun v", "panic(", "oh no: Bun has crashed",
                                          "bun.report/"};
constexpr std::string_view kAddress = "bun.report/";
constexpr size_t kMaxHead = 24;  // lines between the version and the panic
constexpr size_t kMaxTail = 16;  // lines between the panic and the address

struct Death {
  std::string version, arguments, features;
  std::string thread;   // "main thread"
  std::string message;  // "Segmentation fault at address 0x8"
  std::optional<Address> address;
  std::optional<BunTrace> trace;
  std::string url;
};

struct Cause {
  std::string_view words;
  int signal;
};
constexpr std::array<Cause, 6> kCauses = {{{"Segmentation fault", kSigSegv},
                                           {"Illegal instruction", kSigIll},
                                           {"Bus error", kSigBus},
                                           {"Floating point exception", kSigFpe},
                                           {"Trap instruction", kSigTrap},
                                           {"abort() called", kSigAbrt}}};

// "Bun v1.3.10 (30e609e0) Linux x64"
bool take_version(std::string_view text, Death& death) {
  Words words(text);
  if (!words.take("Bun v")) return false;
  death.version = words.take_word();
  return words.take(" (") && words.take_until(") ") && !words.rest().empty();
}

// "panic(main thread): Segmentation fault at address 0x8"
bool take_panic(std::string_view text, Death& death) {
  Words words(text);
  if (!words.take("panic(")) return false;
  const auto thread = words.take_until("): ");
  if (!thread) return false;
  death.thread = *thread;
  death.message = words.rest();
  if (words.take_until(" at address ")) {
    if (const auto value = words.take_hex()) death.address = Address(*value);
  }
  return true;
}

bool take_url(std::string_view text, Death& death) {
  const size_t at = text.find(kAddress);
  if (at == std::string_view::npos) return false;
  death.trace = parse_bun_trace(text.substr(at + kAddress.size()));
  if (!death.trace) return false;
  death.url = "https://" + std::string(text.substr(at, text.find_first_of(" \t\"'<>)", at) - at));
  return true;
}

void take_detail(std::string_view text, Death& death) {
  if (text.starts_with("Args: ")) death.arguments = text.substr(6);
  if (text.starts_with("Features: ")) death.features = text.substr(10);
}

// Reads on until the address. Returns the lines taken, 0 when it is no report.
size_t take_report(TextLines lines, Death& death) {
  size_t panic = 0;
  bool found = take_panic(trim(lines[0].text), death);
  if (!found && take_version(trim(lines[0].text), death)) {
    for (size_t i = 1; i < std::min(lines.size(), kMaxHead) && !found; ++i) {
      const std::string_view text = trim(lines[i].text);
      take_detail(text, death);
      found = take_panic(text, death);
      panic = i;
    }
  }
  size_t end = found ? panic + 1 : 0;
  const size_t first = found ? panic + 1 : 0;
  for (size_t i = first; i < std::min(lines.size(), first + kMaxTail); ++i) {
    const std::string_view text = trim(lines[i].text);
    if (take_url(text, death)) return i + 1;
    if (text.starts_with("oh no: Bun has crashed")) end = i + 1;
    // An address alone stands in the first line or below the "oh no".
    if (!found && end == 0) return 0;
  }
  return death.version.empty() && end == first ? 0 : end;
}

void add_frames(const BunTrace& trace, Facts& facts) {
  for (const BunFrame& frame : trace.frames) {
    RuntimeFrame out;
    switch (frame.kind) {
      case BunFrame::Kind::kJavaScript:
        out.function = "<JavaScript>";
        out.role = CodeRole::kLanguage;
        break;
      case BunFrame::Kind::kUnknown:
        out.role = CodeRole::kUnknown;
        break;
      case BunFrame::Kind::kCode:
        out.module = frame.object.empty() ? "bun" : frame.object;
        // Bun's own code is never the user's; an add-on's is.
        out.role = frame.object.empty() ? CodeRole::kLibrary : CodeRole::kUnknown;
        break;
    }
    append_runtime_frame(std::move(out), facts.crashing);
    if (frame.kind == BunFrame::Kind::kCode && !facts.crashing.frames.empty())
      facts.crashing.frames.back().module_offset = frame.offset;
  }
}

void set_cause(const Death& death, Facts& facts) {
  facts.reported->error = death.message;
  for (const Cause& cause : kCauses) {
    if (!death.message.starts_with(cause.words)) continue;
    set_signal(facts, cause.signal, std::nullopt, death.address);
    if (death.address) set_fault(facts, AccessKind::kNone, death.address, std::nullopt);
    if (cause.signal == kSigAbrt) facts.abort.kind = AbortFacts::Kind::kAbortCall;
    return;
  }
  facts.abort.message = death.message.substr(0, kMaxAbortText);
  facts.abort.kind = death.message.find("out of memory") != std::string::npos
                         ? AbortFacts::Kind::kOutOfMemory
                         : AbortFacts::Kind::kPanic;
}

void describe(Death& death, Facts& facts) {
  facts.reported.emplace().tool = "Bun";
  if (death.trace) {
    const BunTrace& trace = *death.trace;
    if (death.version.empty()) death.version = trace.version;
    if (death.message.empty()) death.message = trace.message.empty() ? "panic" : trace.message;
    if (!death.address && trace.address) death.address = Address(*trace.address);
    add_frames(trace, facts);
    facts.process.arch = trace.platform.find("aarch64") != std::string::npos ? "aarch64" : "x86_64";
    facts.other.push_back({fmt::format("Bun {} ({}{}) for {}", trace.version, trace.commit,
                                       trace.canary ? ", canary" : "", trace.platform),
                           {}});
    if (const std::string_view command = bun_command(trace.command); !command.empty())
      facts.other.push_back({fmt::format("it ran as `{}`", command), {}});
    facts.advice.push_back(fmt::format("open {} to have the addresses named", death.url));
    facts.missing.push_back({"Bun's executable has no symbols: its frames are offsets", {}});
  }
  facts.process.runtime = "bun " + death.version;
  facts.process.command = "bun";
  facts.process.language = "JavaScript";
  facts.process.arguments = death.arguments;
  facts.crashing.thread_name = death.thread;
  if (!death.features.empty()) facts.other.push_back({"features in use: " + death.features, {}});
  set_cause(death, facts);
}

size_t read_report(TextLines lines, TextReport& report) {
  Death death;
  const size_t taken = take_report(lines, death);
  if (taken == 0 || (death.message.empty() && !death.trace)) return 0;
  Facts& facts = report.facts;
  describe(death, facts);
  if (facts.crashing.frames.empty()) facts.crashing.end = "not printed";
  return finish_report(lines, taken, kBunCrash.name, report);
}

}  // namespace

const Format kBunCrash = {"bun-crash", kTriggers, read_report};

}  // namespace inquest::diagnosis
