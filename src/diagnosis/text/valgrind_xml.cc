// Valgrind's XML (--xml=yes): one <error> element a report, one element a line.
#include <array>
#include <string>

#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/stack_lines.h"
#include "diagnosis/text/valgrind_report.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr std::array<std::string_view, 2> kTriggers = {"<error>", "<fatal_signal>"};
constexpr size_t kMaxLines = 8000;
constexpr size_t kMaxValue = 4096;
constexpr size_t kMaxSections = 24;

std::string unescaped(std::string_view text) {
  std::string plain;
  text = text.substr(0, kMaxValue);
  for (size_t i = 0; i < text.size();) {
    struct Entity {
      std::string_view name;
      char character;
    };
    bool found = false;
    for (const auto& [name, character] :
         {Entity{"&lt;", '<'}, Entity{"&gt;", '>'}, Entity{"&amp;", '&'}, Entity{"&quot;", '"'},
          Entity{"&apos;", '\''}}) {
      if (!text.substr(i).starts_with(name)) continue;
      plain += character;
      i += name.size();
      found = true;
      break;
    }
    if (!found) plain += text[i++];
  }
  return plain;
}

struct Element {
  std::string_view tag;    // "ip", "/stack", "frame"
  std::string_view value;  // between the tags; empty for tags alone on a line
};

Element element_of(std::string_view line) {
  if (!line.starts_with('<')) return {};
  const size_t close = line.find('>');
  if (close == kNowhere) return {};
  const std::string_view tag = line.substr(1, close - 1);
  std::string_view value = line.substr(close + 1);
  return {tag, value.substr(0, value.rfind("</"))};
}

// The parts of one <frame>, kept as text until its end.
struct Frame {
  std::string ip, object, function, directory, file, line;

  void set(const Element& e) {
    if (e.tag == "ip") ip = e.value;
    if (e.tag == "obj") object = unescaped(e.value);
    if (e.tag == "fn") function = unescaped(e.value);
    if (e.tag == "dir") directory = unescaped(e.value);
    if (e.tag == "file") file = unescaped(e.value);
    if (e.tag == "line") line = e.value;
  }
  void append_to(StackFacts& stack) const {
    StackLine parsed;
    if (const auto pc = hex_of(ip)) parsed.pc = Address(*pc);
    parsed.function = function;
    parsed.module = object;
    const std::string path = directory.empty() || file.empty() ? file : directory + "/" + file;
    parsed.file = path;
    parsed.line = static_cast<uint32_t>(number_of(line).value_or(0) & UINT32_MAX);
    append_frame(parsed, stack);
  }
};

class Reader {
 public:
  explicit Reader(ValgrindReport& report) : report_(report) {}

  void take(const Element& e) {
    if (e.tag == "frame") {
      frame_ = {};
    } else if (e.tag == "/frame") {
      if (!report_.sections.empty()) frame_.append_to(report_.sections.back().stack);
    } else if (e.tag == "stack") {
      if (report_.sections.size() < kMaxSections) report_.sections.push_back({title_, {}});
    } else if (e.tag == "what" || e.tag == "text") {
      set_what(unescaped(e.value));
    } else if (e.tag == "auxwhat") {
      title_ = unescaped(e.value);
      report_.lines.push_back(title_);
    } else if (e.tag == "signo") {
      signal_ = e.value;
    } else if (e.tag == "signame") {
      report_.lines.push_back("Process terminating with default action of signal " + signal_ +
                              " (" + std::string(e.value) + ")");
      if (report_.what.empty()) report_.what = report_.lines.back();
    } else if (e.tag == "siaddr") {
      report_.lines.push_back("Access not within mapped region at address " + std::string(e.value));
    } else {
      frame_.set(e);
    }
  }

 private:
  void set_what(std::string text) {
    if (!report_.what.empty()) {  // a later <xauxwhat>
      title_ = text;
      report_.lines.push_back(std::move(text));
      return;
    }
    report_.what = text;
    title_ = text;
    report_.lines.push_back(std::move(text));
  }

  ValgrindReport& report_;
  Frame frame_;
  std::string title_, signal_;
};

std::string tool_of(std::string_view kind) {
  if (kind == "Race" || kind == "LockOrder" || kind.starts_with("Unlock") ||
      kind == "PthAPIerror" || kind == "Misc")
    return "helgrind";
  if (kind == "ConflictingAccess" || kind == "MutexErr" || kind == "CondErr" ||
      kind == "HoldtimeErr")
    return "drd";
  return "memcheck";
}

// The element that ends at `close`; the lines it takes, 0 when it does not end.
size_t read_element(const ReportLines& text, size_t first, std::string_view close,
                    ValgrindReport& report) {
  Reader reader(report);
  for (size_t i = first; i < std::min(text.size(), first + kMaxLines); ++i) {
    const Element element = element_of(text[i]);
    if (element.tag == "kind") report.tool = tool_of(element.value);
    if (element.tag == close) return i + 1 - first;
    reader.take(element);
  }
  return 0;
}

size_t read(TextLines lines, TextReport& report) {
  const ReportLines text(lines);
  ValgrindReport parts;
  size_t taken = 0;
  if (text[0] == "<fatal_signal>") {
    taken = read_element(text, 0, "/fatal_signal", parts);
  } else if (text[0] == "<error>") {
    taken = read_element(text, 0, "/error", parts);
    // The signal that this very error led to stands right behind it.
    size_t next = taken;
    while (taken != 0 && next < text.size() && text[next].empty()) ++next;
    if (taken != 0 && next < text.size() && text[next] == "<fatal_signal>") {
      ValgrindReport death;
      const size_t more = read_element(text, next, "/fatal_signal", death);
      if (more != 0) taken = next + more;
      parts.lines.insert(parts.lines.end(), death.lines.begin(), death.lines.end());
    }
  }
  if (taken == 0 || parts.what.empty()) return 0;
  report.facts = facts_of(std::move(parts));
  return taken;
}

}  // namespace

const Format kValgrindXml = {.name = "valgrind-xml", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
