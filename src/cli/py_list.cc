#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/case_files.h"
#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "cli/worker.h"
#include "diagnosis/facts/source.h"
#include "platform/json/writer.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

constexpr std::string_view kLanguage = "Python";

struct Options {
  diagnosis::DiagnoseOptions diagnose;
  std::string vault;
  std::optional<size_t> frame;
  bool json = false;
};

// Of the thread that is explained, innermost first; a frame that stands for many has no function.
std::vector<diagnosis::RuntimeFrameFact> frames_of(const diagnosis::StackFacts& stack) {
  std::vector<diagnosis::RuntimeFrameFact> frames;
  const auto add = [&](const std::vector<diagnosis::RuntimeFrameFact>& more) {
    std::copy_if(more.begin(), more.end(), std::back_inserter(frames),
                 [](const auto& frame) { return frame.language == kLanguage; });
  };
  for (const diagnosis::FrameFact& frame : stack.frames) add(frame.runtime_frames);
  if (stack.runtime) add(stack.runtime->apart);
  for (diagnosis::RuntimeFrameFact& frame : frames)
    frame.source = diagnosis::source_excerpt(frame.file, frame.line);
  return frames;
}

// "   31 | code" as ">    31 | code" when that is the line.
std::string marked(const std::string& line, uint32_t number) {
  const bool is_it = line.starts_with(fmt::format("{:>5} |", number));
  return (is_it ? "> " : "  ") + term::printable(line);
}

std::string heading(const diagnosis::RuntimeFrameFact& frame, size_t number) {
  std::string place = frame.file;
  if (frame.line != 0) place += fmt::format(":{}", frame.line);
  if (frame.line != 0 && frame.column != 0) place += fmt::format(":{}", frame.column);
  return fmt::format("#{:<3} {}  {}\n", number,
                     term::printable(frame.function.empty() ? "??" : frame.function),
                     term::printable(place));
}

std::string text_of(const std::vector<diagnosis::RuntimeFrameFact>& frames, size_t first,
                    size_t last) {
  std::string text;
  for (size_t i = first; i < last; ++i) {
    const diagnosis::RuntimeFrameFact& frame = frames[i];
    if (frame.function.empty() && frame.file.empty()) {
      text += fmt::format("     {}\n", term::printable(frame.gap));
      continue;
    }
    text += heading(frame, i);
    for (const std::string& line : frame.source) text += marked(line, frame.line) + "\n";
    if (frame.source.empty())
      text +=
          "       (no source: the file is not here, has no such line, or not all may read it)\n";
  }
  return text;
}

std::string json_of(const std::vector<diagnosis::RuntimeFrameFact>& frames, size_t first,
                    size_t last, int32_t tid) {
  json::JsonWriter json;
  json.begin_object().field("thread", tid).key("frames").begin_array();
  for (size_t i = first; i < last; ++i) {
    const diagnosis::RuntimeFrameFact& frame = frames[i];
    json.begin_object()
        .field("frame", i)
        .field("function", frame.function)
        .field("file", frame.file)
        .field("line", frame.line)
        .field("column", frame.column);
    if (!frame.gap.empty()) json.field("gap", frame.gap);
    json.key("source").begin_array();
    for (const std::string& line : frame.source) json.value(line);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return std::move(json).take();
}

std::string why_none(const diagnosis::Facts& facts) {
  for (const diagnosis::Fact& fact : facts.missing) {
    if (fact.statement.find("Python") != std::string::npos) return fact.statement;
  }
  return facts.runtimes.empty() ? "no Python interpreter that can be read is in it"
                                : fmt::format("thread {} runs no Python", facts.crashing.tid);
}

// Runs in the worker.
int py_list(const Options& options) {
  const auto diagnoses = diagnosis::diagnose(options.diagnose);
  if (!diagnoses.ok()) return refuse(diagnoses.error());
  const diagnosis::Facts& facts = diagnoses->list.front().facts;
  const auto frames = frames_of(facts.crashing);
  if (frames.empty()) {
    return refuse(
        {ErrorCode::kNotFound, fmt::format("{}: {}", options.diagnose.input, why_none(facts))});
  }
  const size_t first = options.frame.value_or(0);
  if (first >= frames.size()) {
    return refuse(
        {ErrorCode::kNotFound, fmt::format("there is no Python frame {}: the outermost is {}",
                                           first, frames.size() - 1)});
  }
  const size_t last = options.frame ? first + 1 : frames.size();
  return print(options.json ? json_of(frames, first, last, facts.crashing.tid)
                            : text_of(frames, first, last));
}

}  // namespace

void add_py_list(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  options->diagnose.all_threads = false;
  CLI::App* command = app.add_subcommand("py-list", "Show the source around each Python frame");
  add_evidence_options(*command, options->diagnose);
  add_vault_option(*command, options->vault);
  command->add_option("--frame", options->frame, "only this Python frame; 0 is the innermost")
      ->type_name("N");
  command->add_flag("--json", options->json, "print it as JSON");
  command->callback([options, &chosen] {
    chosen = [options] {
      return with_input(options->diagnose, options->vault, [options] {
        return run_in_worker(options->diagnose.input, {}, [options] { return py_list(*options); });
      });
    };
  });
}

}  // namespace inquest::cli
