#include "diagnosis/text/prefix.h"

#include <algorithm>
#include <array>
#include <span>

#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxLayers = 6;  // a container's log of a log
constexpr size_t kMaxName = 128;  // of a host, a container, a tag

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name(char c) {
  return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == '@';
}

// What a recogniser is given: it takes its part off `words`, or leaves them alone and says false.
struct Cut {
  Words words;
  std::string_view writer;
};

bool take_digits(Words& words, size_t least, size_t most) {
  const std::string_view rest = words.rest();
  size_t count = 0;
  while (count < rest.size() && count < most && is_digit(rest[count])) ++count;
  return count >= least && words.take(rest.substr(0, count));
}

std::string_view take_name(Words& words) {
  const std::string_view rest = words.rest();
  size_t size = 0;
  while (size < rest.size() && size < kMaxName && is_name(rest[size])) ++size;
  const std::string_view name = rest.substr(0, size);
  words.take(name);
  return name;
}

// "11:39:01", with a fraction or not.
bool take_time(Words& words) {
  if (!take_digits(words, 2, 2) || !words.take(":") || !take_digits(words, 2, 2)) return false;
  if (!words.take(":") || !take_digits(words, 2, 2)) return false;
  if (words.rest().size() > 1 && (words.rest()[0] == '.' || words.rest()[0] == ',') &&
      is_digit(words.rest()[1])) {
    words.take(words.rest().substr(0, 1));
    return take_digits(words, 1, 9);
  }
  return true;
}

// "2026-11-21T11:39:01.123+00:00", "2026-11-21 11:39:01,123", "2026/11/21 11:39:01"
bool take_iso(Words& words) {
  if (!take_digits(words, 4, 4)) return false;
  if (!words.take("-") && !words.take("/")) return false;
  if (!take_digits(words, 2, 2) || (!words.take("-") && !words.take("/"))) return false;
  if (!take_digits(words, 2, 2) || (!words.take("T") && !words.take(" "))) return false;
  if (!take_time(words)) return false;
  if (words.take("Z")) return true;
  Words zone = words;
  if (zone.take("+") || zone.take("-")) {
    if (take_digits(zone, 2, 2) && (zone.take(":") || true) && take_digits(zone, 2, 2))
      words = zone;
  }
  return true;
}

bool take_one_of(Words& words, std::span<const std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return words.take(name); });
}

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

// "Nov 21 11:39:01", "Nov  1 11:39:01.123456"
bool take_syslog_date(Words& words) {
  if (!take_one_of(words, kMonths) || !words.take(" ")) return false;
  words.take(" ");
  return take_digits(words, 1, 2) && words.take(" ") && take_time(words);
}

// "kernel: ", "node[71]: ", and the host before it. Without a process number only names that can
// be nothing else, or `trusted`, when the date before it is one that always has a tag.
bool take_tag(Cut& cut, bool trusted, bool needs_host) {
  const auto tag_at = [&](Words words, bool with_host) -> bool {
    const std::string_view start = words.rest();
    if (with_host && (take_name(words).empty() || !words.take(" "))) return false;
    const std::string_view tag_start = words.rest();
    size_t size = tag_start.find_first_of(" :[");
    if (size == 0 || size == std::string_view::npos || size > kMaxName) return false;
    const std::string_view tag = tag_start.substr(0, size);
    words.take(tag);
    bool known = trusted || tag == "kernel" || tag == "systemd" || tag == "audit";
    if (words.take("[")) {
      if (!take_digits(words, 1, 10) || !words.take("]")) return false;
      known = true;
    }
    if (!known || !words.take(":")) return false;
    const std::string_view writer = start.substr(0, start.size() - words.rest().size());
    if (!words.take(" ") && !words.at_end()) return false;
    cut = {words, writer};
    return true;
  };
  return tag_at(cut.words, true) || (!needs_host && tag_at(cut.words, false));
}

bool take_rfc3164(Cut& cut) {
  Cut inner = cut;
  if (!take_syslog_date(inner.words) || !inner.words.take(" ")) return false;
  take_tag(inner, true, false);
  cut = inner;
  return true;
}

// "1 2026-11-21T11:39:01Z host app 71 ID47 [data@1 a="b"] "
bool take_rfc5424(Cut& cut) {
  Words words = cut.words;
  if (!words.take("1 ") || !take_iso(words) || !words.take(" ")) return false;
  const std::string_view start = words.rest();
  std::string_view writer;
  for (int field = 0; field < 4; ++field) {  // host, application, process, message id
    if (words.take_word().empty() || !words.take(" ")) return false;
    if (field == 2) writer = start.substr(0, start.size() - words.rest().size());
  }
  if (!words.take("-")) {
    while (words.rest().starts_with('[')) {
      if (!words.take_until("]")) return false;
    }
  }
  words.take(" ");
  words.take("\xef\xbb\xbf");
  cut = {words, writer};
  return true;
}

// "stdout F ": what a container runtime says of each line.
bool take_cri_stream(Cut& cut) {
  Words words = cut.words;
  const std::string_view writer = words.take_word();
  if (writer != "stdout" && writer != "stderr") return false;
  if (!words.take(" F ") && !words.take(" P ") && words.rest() != " F") return false;
  if (words.rest() == " F") words.take(" F");
  cut = {words, writer};
  return true;
}

// "00O ", "01E+": stream and continuation, as GitLab runners write it.
void take_gitlab_stream(Words& words) {
  Words inner = words;
  if (!take_digits(inner, 2, 2) || (!inner.take("O") && !inner.take("E"))) return;
  if (inner.take(" ") || inner.take("+")) words = inner;
}

bool take_iso_line(Cut& cut) {
  Cut inner = cut;
  const bool bracket = inner.words.take("[");
  if (!take_iso(inner.words)) return false;
  if (bracket) {
    Words zone = inner.words;  // "[2026-11-21 11:39:01 +0000]"
    if (zone.take(" ") && (zone.take("+") || zone.take("-")) && take_digits(zone, 4, 4))
      inner.words = zone;
    if (!inner.words.take("]")) return false;
  }
  if (!inner.words.take(" ") && !inner.words.at_end()) return false;
  if (!take_cri_stream(inner) && !take_tag(inner, false, true)) take_gitlab_stream(inner.words);
  cut = inner;
  return true;
}

// "Sat 2026-11-21 11:39:01 UTC host kernel: "
bool take_full_date(Cut& cut) {
  Cut inner = cut;
  if (!take_one_of(inner.words, kDays) || !inner.words.take(" ")) return false;
  if (!take_iso(inner.words) || !inner.words.take(" ")) return false;
  if (take_name(inner.words).empty() || !inner.words.take(" ")) return false;
  take_tag(inner, false, true);
  cut = inner;
  return true;
}

// "[ 1726.464842] ", "[1726.464842 <    0.000012>] ", "[  +0.000012] "
bool take_kernel_clock(Cut& cut) {
  Cut inner = cut;
  if (!inner.words.take("[")) return false;
  const std::string_view rest = inner.words.rest();
  const size_t end = rest.find(']');
  if (end == std::string_view::npos || end > 40) return false;
  const std::string_view clock = rest.substr(0, end);
  if (clock.find('.') == std::string_view::npos) return false;
  if (clock.find_first_not_of("0123456789. +<>") != std::string_view::npos) return false;
  inner.words.take(rest.substr(0, end + 1));
  if (!inner.words.take(" ") && !inner.words.at_end() && !inner.words.rest().starts_with('[')) {
    return false;
  }
  take_tag(inner, false, true);
  cut = inner;
  return true;
}

// "[ T1234] ", "[    C0] ": the task or processor that printed a line of the kernel.
bool take_kernel_caller(Cut& cut) {
  Words words = cut.words;
  if (!words.take("[")) return false;
  words.skip_blanks();
  const std::string_view start = words.rest();
  if (!words.take("T") && !words.take("C")) return false;
  if (!take_digits(words, 1, 10)) return false;
  const std::string_view writer = start.substr(0, start.size() - words.rest().size());
  if (!words.take("] ") && words.rest() != "]") return false;
  if (words.rest() == "]") words.take("]");
  cut = {words, writer};
  return true;
}

// "[Sat Nov 21 11:39:01 2026] ", "[Nov21 11:39] "
bool take_bracketed_date(Cut& cut) {
  Words words = cut.words;
  if (!words.take("[")) return false;
  if (take_one_of(words, kDays)) {
    if (!words.take(" ") || !take_syslog_date(words) || !words.take(" ")) return false;
    if (!take_digits(words, 4, 4)) return false;
  } else {
    if (!take_one_of(words, kMonths) || !take_digits(words, 2, 2) || !words.take(" ")) return false;
    if (!take_digits(words, 2, 2) || !words.take(":") || !take_digits(words, 2, 2)) return false;
  }
  if (!words.take("] ")) return false;
  cut.words = words;
  return true;
}

// "1700000000.123456 host kernel: "
bool take_unix_date(Cut& cut) {
  Cut inner = cut;
  if (!take_digits(inner.words, 10, 10) || !inner.words.take(".")) return false;
  if (!take_digits(inner.words, 3, 9) || !inner.words.take(" ")) return false;
  take_tag(inner, false, true);
  cut = inner;
  return true;
}

bool take_clock_time(Cut& cut) {
  Words words = cut.words;
  if (!take_time(words) || !words.take(" ")) return false;
  words.skip_blanks();
  cut.words = words;
  return true;
}

// "<6>", as dmesg --raw and syslog daemons write it.
bool take_priority(Cut& cut) {
  Words words = cut.words;
  if (!words.take("<") || !take_digits(words, 1, 3) || !words.take(">")) return false;
  cut.words = words;
  take_rfc5424(cut);
  return true;
}

// "kern  :warn  : "
bool take_facility(Cut& cut) {
  constexpr std::array<std::string_view, 12> kFacilities = {"kern", "user",     "mail", "daemon",
                                                            "auth", "syslog",   "lpr",  "news",
                                                            "cron", "authpriv", "ftp",  "local"};
  constexpr std::array<std::string_view, 8> kLevels = {"emerg", "alert",  "crit", "err",
                                                       "warn",  "notice", "info", "debug"};
  Words words = cut.words;
  if (!take_one_of(words, kFacilities)) return false;
  take_digits(words, 0, 1);
  words.skip_blanks();
  if (!words.take(":") || !take_one_of(words, kLevels)) return false;
  words.skip_blanks();
  if (!words.take(": ")) return false;
  cut.words = words;
  return true;
}

// "web-1  | ": docker compose.
bool take_compose(Cut& cut) {
  Words words = cut.words;
  if (words.at_end() || !is_letter(words.rest().front())) return false;
  const std::string_view writer = take_name(words);
  if (!words.take(" ")) return false;
  words.skip_blanks();
  if (!words.take("| ") && words.rest() != "|") return false;
  if (words.rest() == "|") words.take("|");
  cut = {words, writer};
  return true;
}

// "[pod/web-5f/app] ": kubectl logs --prefix.
bool take_pod(Cut& cut) {
  Words words = cut.words;
  if (!words.take("[pod/")) return false;
  const auto writer = words.take_until("] ");
  if (!writer || writer->size() > 2 * kMaxName) return false;
  cut = {words, *writer};
  return true;
}

// "build\tRun tests\t2026-11-21T11:39:01.1234567Z ": gh run view --log.
bool take_job(Cut& cut) {
  Words words = cut.words;
  const std::string_view start = words.rest();
  const auto job = words.take_until("\t");
  const auto step = job && job->size() <= kMaxName ? words.take_until("\t") : std::nullopt;
  if (!step || job->empty() || step->empty() || step->size() > kMaxName) return false;
  const std::string_view writer = start.substr(0, job->size() + 1 + step->size());
  words.take("\xef\xbb\xbf");
  Words date = words;
  if (!take_iso(date)) return false;
  cut = {words, writer};
  return true;
}

// "11-21 11:39:01.123  1234  1250 F DEBUG   : ", "F/DEBUG   ( 1234): ": Android.
bool take_logcat(Cut& cut) {
  constexpr std::string_view kLevels = "VDIWEFAS";
  Words words = cut.words;
  std::string_view writer;
  if (take_digits(words, 2, 2)) {
    if (!words.take("-") || !take_digits(words, 2, 2) || !words.take(" ")) return false;
    if (!take_time(words) || !words.take(" ")) return false;
    words.skip_blanks();
    const std::string_view start = words.rest();
    if (!take_digits(words, 1, 7)) return false;
    writer = start.substr(0, start.size() - words.rest().size());
    words.skip_blanks();
    if (!take_digits(words, 1, 7) || !words.take(" ")) return false;
    const std::string_view level = words.take_word();
    if (level.size() != 1 || kLevels.find(level) == std::string_view::npos) return false;
    const auto tag = words.take_until(": ");
    if (!tag || tag->size() > kMaxName) return false;
  } else {
    const std::string_view start = words.rest();
    if (start.size() < 4 || kLevels.find(start[0]) == std::string_view::npos || start[1] != '/')
      return false;
    const auto tag = words.take_until("): ");
    if (!tag || tag->size() > kMaxName || tag->find('(') == std::string_view::npos) return false;
    writer = tag->substr(tag->find('(') + 1);
    if (writer.find_first_not_of("0123456789 ") != std::string_view::npos) return false;
  }
  cut = {words, writer};
  return true;
}

// "MESSAGE=": journalctl -o export and -o verbose.
bool take_field_name(Cut& cut) {
  Words words = cut.words;
  words.skip_blanks();
  if (!words.take("MESSAGE=")) return false;
  cut.words = words;
  return true;
}

constexpr std::array kRecognisers = {
    take_iso_line,  take_kernel_clock, take_kernel_caller, take_rfc3164,    take_full_date,
    take_unix_date, take_logcat,       take_clock_time,    take_priority,   take_bracketed_date,
    take_pod,       take_facility,     take_compose,       take_field_name, take_job};

}  // namespace

Prefix find_prefix(std::string_view line) {
  Cut cut{Words(line), {}};
  for (size_t layer = 0; layer < kMaxLayers; ++layer) {
    Cut next{cut.words, {}};
    if (std::none_of(kRecognisers.begin(), kRecognisers.end(),
                     [&](auto* take) { return take(next); })) {
      break;
    }
    cut.words = next.words;
    if (!next.writer.empty()) cut.writer = next.writer;
  }
  return {.size = line.size() - cut.words.rest().size(), .writer = cut.writer};
}

}  // namespace inquest::diagnosis
