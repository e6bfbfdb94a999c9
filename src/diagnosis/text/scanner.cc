#include "diagnosis/text/scanner.h"

#include <algorithm>
#include <bit>
#include <string>
#include <unordered_map>

#include "diagnosis/text/deaths.h"
#include "diagnosis/text/formats.h"
#include "diagnosis/text/log_lines.h"
#include "diagnosis/text/matcher.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kFirstWindow = 1024;  // lines
constexpr size_t kWindowGrowth = 4;    // times
constexpr size_t kLookahead = 256;     // lines that a format should see behind its report
constexpr size_t kMaxKept = 64 << 20;  // bytes of decoded lines at a time
constexpr uint64_t kMaxLinesInOne = 1 << 20;

// What one writer wrote, within the window.
struct Writer {
  std::vector<TextLine> lines;
  size_t read = 0;  // lines that belong to reports already
};

struct Hit {
  uint32_t writer = 0;
  size_t index = 0;     // in the writer's lines
  size_t position = 0;  // in the window's lines
  size_t offset = 0;    // of the raw line
  Matcher::Mask formats = 0;
};

// A part of the text, taken apart by writer.
struct Window {
  Stripper stripper;
  std::vector<Writer> writers;
  std::unordered_map<std::string_view, uint32_t> names;
  std::vector<std::string> name_of;
  std::vector<Hit> hits;
  size_t lines = 0;
  size_t end_offset = 0;
  uint32_t end_number = 0;
  bool at_end = false;  // of the text
};

class Scanner {
 public:
  Scanner(std::string_view text, const ScanLimits& limits, std::span<const Format* const> asked)
      : text_(text), limits_(limits), formats_(asked), matcher_(asked) {}

  Scan scan() &&;

 private:
  bool may_begin(const RawLine& line);
  Window open(size_t offset, uint32_t number, size_t max_lines) const;
  uint32_t writer_of(Window& window, std::string_view name, uint32_t last) const;
  void add(Window& window, const RawLine& raw, uint32_t& last) const;
  Window read_window(Window window);
  bool needs_more(const Window& window, const Hit& hit, size_t used) const;
  size_t ask(TextLines lines, Matcher::Mask formats, TextReport& report) const;
  static void set_writer(std::string_view name, TextReport& report);
  void add_report(TextReport report);

  std::string_view text_;
  ScanLimits limits_;
  std::span<const Format* const> formats_;
  Matcher matcher_;
  Stripper scratch_;  // of may_begin()
  std::vector<LogLine> scratch_lines_;
  Scan scan_;
  // Up to which line (id) each writer's lines belong to reports, when a window is opened anew.
  std::unordered_map<std::string, uint64_t> read_until_;
};

uint64_t id_of(uint32_t number, size_t part) {
  return number * kMaxLinesInOne + std::min<uint64_t>(part, kMaxLinesInOne - 1);
}

bool Scanner::may_begin(const RawLine& line) {
  if (!needs_decoding(line.text)) return matcher_.find(line.text) != 0;
  scratch_.clear();
  scratch_lines_.clear();
  scratch_.strip(line, scratch_lines_);
  return std::any_of(scratch_lines_.begin(), scratch_lines_.end(),
                     [&](const LogLine& l) { return matcher_.find(l.line.text) != 0; });
}

uint32_t Scanner::writer_of(Window& window, std::string_view name, uint32_t last) const {
  if (name.empty()) return last;
  if (const auto found = window.names.find(name); found != window.names.end()) return found->second;
  if (window.writers.size() >= limits_.max_writers) return 0;
  const auto id = static_cast<uint32_t>(window.writers.size());
  window.writers.emplace_back();
  window.name_of.emplace_back(name);
  window.names.emplace(name, id);
  return id;
}

void Scanner::add(Window& window, const RawLine& raw, uint32_t& last) const {
  std::vector<LogLine> lines;
  window.stripper.strip(raw, lines);
  for (size_t part = 0; part < lines.size(); ++part) {
    last = writer_of(window, lines[part].writer, last);
    Writer& writer = window.writers[last];
    const size_t index = writer.lines.size();
    writer.lines.push_back(lines[part].line);
    const auto done = read_until_.find(window.name_of[last]);
    if (done != read_until_.end() && id_of(raw.number, part) <= done->second) {
      writer.read = index + 1;
    } else if (const Matcher::Mask formats = matcher_.find(lines[part].line.text); formats != 0) {
      window.hits.push_back({last, index, window.lines, raw.offset, formats});
    }
    ++window.lines;
  }
}

Window Scanner::open(size_t offset, uint32_t number, size_t max_lines) const {
  Window window;
  window.writers.emplace_back();
  window.name_of.emplace_back();
  RawLines raw(text_, offset, number, limits_.max_line);
  uint32_t last = 0;
  while (window.lines < max_lines && window.stripper.kept() < kMaxKept) {
    const auto line = raw.next();
    if (!line) break;
    add(window, *line, last);
    window.end_number = line->number;
  }
  window.end_offset = raw.offset();
  window.at_end = raw.at_end();
  return window;
}

// A report seems to reach beyond what was taken apart: worth a larger window, as long as it can
// grow or move on by half of its size.
bool Scanner::needs_more(const Window& window, const Hit& hit, size_t used) const {
  if (window.at_end) return false;
  if (window.writers[hit.writer].lines.size() - hit.index - used >= kLookahead) return false;
  return window.lines < limits_.max_report_lines || hit.position > window.lines / 2;
}

size_t Scanner::ask(TextLines lines, Matcher::Mask formats, TextReport& report) const {
  for (; formats != 0; formats &= formats - 1) {
    const Format& format = *formats_[static_cast<size_t>(std::countr_zero(formats))];
    report = {};
    const size_t used = std::min(format.read(lines, report), lines.size());
    if (used == 0) continue;
    report.format = format.name;
    report.first_line = lines.front().number;
    report.last_line = lines[used - 1].number;
    return used;
  }
  return 0;
}

void Scanner::add_report(TextReport report) {
  if (scan_.reports.size() < limits_.max_reports) {
    scan_.reports.push_back(std::move(report));
  } else {
    ++scan_.not_kept;
  }
}

// A logger's name for the writer tells who died, when that is the writer.
void Scanner::set_writer(std::string_view name, TextReport& report) {
  report.writer = name;
  if (report.kernel || report.format == kSupervisor.name || report.format == kOomKill.name ||
      report.format == kUserOom.name || report.format == kCoredumpMessage.name ||
      report.format == kAbnormalEnd.name || report.format == kFatalSignal.name)
    return;
  const WriterName writer = parse_writer(name);
  if (writer.pid == 0 || writer.pid == 1 || writer.program == "kernel") return;
  ProcessFacts& process = report.facts.process;
  if (process.pid == 0) process.pid = writer.pid;
  if (process.command.empty() && process.executable.empty()) process.command = writer.program;
}

Window Scanner::read_window(Window window) {
  size_t size = std::max(window.lines, kFirstWindow);
  for (size_t i = 0; i < window.hits.size();) {
    const Hit hit = window.hits[i];
    Writer& writer = window.writers[hit.writer];
    if (hit.index < writer.read) {
      ++i;
      continue;
    }
    const TextLines lines = TextLines(writer.lines).subspan(hit.index);
    TextReport report;
    const size_t used = ask(lines, hit.formats, report);
    if (needs_more(window, hit, used)) {
      for (size_t w = 0; w < window.writers.size(); ++w) {
        const Writer& each = window.writers[w];
        if (each.read != 0)
          read_until_[window.name_of[w]] = id_of(each.lines[each.read - 1].number, 0);
      }
      size = std::min(limits_.max_report_lines, size * kWindowGrowth);
      window = open(hit.offset, lines.front().number, size);
      i = 0;
      continue;
    }
    if (used != 0) {
      set_writer(window.name_of[hit.writer], report);
      add_report(std::move(report));
      writer.read = hit.index + used;
    }
    ++i;
  }
  return window;
}

Scan Scanner::scan() && {
  RawLines raw(text_, 0, 1, limits_.max_line);
  while (const auto line = raw.next()) {
    scan_.lines = line->number;
    if (!may_begin(*line)) continue;
    read_until_.clear();
    const Window window = read_window(open(line->offset, line->number, kFirstWindow));
    scan_.lines = window.end_number;
    raw = RawLines(text_, window.end_offset, window.end_number + 1, limits_.max_line);
  }
  // They are large; writers that take turns are what puts them out of order.
  const auto by_line = [](const TextReport& a, const TextReport& b) {
    return a.first_line < b.first_line;
  };
  if (!std::is_sorted(scan_.reports.begin(), scan_.reports.end(), by_line))
    std::stable_sort(scan_.reports.begin(), scan_.reports.end(), by_line);
  scan_.reports = join_deaths(std::move(scan_.reports));
  return std::move(scan_);
}

}  // namespace

Scan read_reports(std::string_view text, const ScanLimits& limits,
                  std::span<const Format* const> asked) {
  return Scanner(text, limits, asked).scan();
}

}  // namespace inquest::diagnosis
