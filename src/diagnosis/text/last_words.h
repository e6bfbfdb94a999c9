// The words that a program says when it gives up: a failed assertion or check, glibc's and the C++
// library's last messages. Each word reader knows one family. Internal to text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "diagnosis/facts/facts.h"
#include "diagnosis/text/report_lines.h"

namespace inquest::diagnosis {

struct LastWords {
  AbortFacts abort;
  size_t taken = 1;          // lines that hold them
  bool raises_abort = true;  // SIGABRT follows; else the signal is not known from the words
  // Words that are only a warning unless the process is seen to die right behind them.
  bool needs_death = false;
};

// What lines[0] (and those behind it) says; nullopt when these are no last words.
std::optional<LastWords> read_libc_words(const ReportLines& lines);  // glibc, musl, bionic
std::optional<LastWords> read_cxx_words(const ReportLines& lines);   // libstdc++, libc++abi
std::optional<LastWords> read_check_words(
    const ReportLines& lines);  // glog, Chromium, GLib, WebKit

// What a fatal message says: "Check failed: x > 0 (0 vs. 0)", "NOTREACHED hit.", free words.
void read_check_message(std::string_view message, AbortFacts& abort);

// Looks behind last words for the stack that the process left, its own or a tool's, and takes it
// over: stack, signal, pid, what the tool said. Returns how many of `lines` belong to the crash
// then, 0 when nothing was found. Words of other crashes end the search.
size_t take_death(TextLines lines, Facts& facts);

}  // namespace inquest::diagnosis
