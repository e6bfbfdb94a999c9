#include "cli/case_analysis.h"

#include <fmt/format.h>

#include <set>

#include "cli/evidence.h"
#include "cli/worker.h"
#include "diagnosis/report/report.h"
#include "platform/json/value.h"
#include "platform/json/writer.h"
#include "process/input/load.h"
#include "process/modules/modules.h"

namespace inquest::cli {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kMaxFiles = 4096;

// Where gdb and inquest look for the debug file of a build below a sysroot.
std::string debug_place(const BuildId& id) {
  const std::string hex = id.hex();
  return fmt::format("/usr/lib/debug/.build-id/{}/{}.debug", hex.substr(0, 2), hex.substr(2));
}

// Only files that are proven to be the ones that ran.
Files files_of(const process::ModuleSet& modules) {
  Files files;
  std::set<std::string> places;
  const auto add = [&](const std::string& place, const std::string& path) {
    if (place.empty() || place[0] != '/' || path.empty() || files.size() >= kMaxFiles) return;
    if (places.insert(place).second) files.emplace_back(place, path);
  };
  for (const auto& module : modules.all()) {
    if (module->status() != process::FileStatus::kVerified) continue;
    add(module->path, module->found_path());
    const std::string debug = module->debug_path();
    if (module->build_id && !debug.empty() && debug != module->found_path()) {
      add(debug_place(*module->build_id), debug);
    }
    const auto* shared = module->alt_debug();
    if (shared != nullptr && shared->build_id()) {
      add(debug_place(*shared->build_id()), module->alt_debug_path());
    }
  }
  return files;
}

// The files that came with a case are looked at when nobody says better.
process::ModuleSet resolve(const process::ProcessImage& image, process::ModuleOptions where,
                           const std::string& root) {
  if (where.sysroot.empty()) where.sysroot = root;
  return process::ModuleSet::resolve(image, where);
}

void write_files(json::JsonWriter& json, const diagnosis::Diagnosis& first,
                 const diagnosis::DiagnoseOptions& options) {
  json.key("files").begin_array();
  if (first.image) {
    const auto modules = resolve(*first.image, options.modules, options.input_root);
    for (const auto& [place, path] : files_of(modules)) {
      json.begin_array().value(place).value(path).end_array();
    }
  }
  json.end_array();
}

// Our own record says it, in words that begin as those of the vault do ("registers only").
void judge_record(const process::ProcessImage& image, vault::CaseHeader& header) {
  header.fidelity = vault::Fidelity::kSlim;
  for (const auto level : {vault::Fidelity::kFull, vault::Fidelity::kSnapshot,
                           vault::Fidelity::kRegisters, vault::Fidelity::kSignal}) {
    if (image.fidelity.starts_with(to_string(level))) header.fidelity = level;
  }
  for (const process::Note& note : image.notes) header.missing.push_back(note.text);
}

// How much of the process the evidence holds, by who wrote it.
void judge_fidelity(const diagnosis::Diagnosis& diagnosis, vault::CaseHeader& header) {
  if (!diagnosis.image) {
    header.fidelity = vault::Fidelity::kSignal;
    header.missing.emplace_back("the evidence is a text: it holds no memory");
    return;
  }
  switch (diagnosis.image->producer) {
    case process::Producer::kBreakpad:
    case process::Producer::kCrashpad:
    case process::Producer::kMinidump:
      header.fidelity = vault::Fidelity::kSlim;
      header.missing.emplace_back("a minidump holds little besides the stacks");
      return;
    case process::Producer::kKernelLog:
      header.fidelity = vault::Fidelity::kSignal;
      header.missing.emplace_back("a line of the kernel's log holds no memory");
      return;
    case process::Producer::kInquest:
      judge_record(*diagnosis.image, header);
      break;
    default:
      header.fidelity = vault::Fidelity::kFull;
  }
  for (const process::Mapping& mapping : diagnosis.image->mappings) {
    if (!mapping.truncated) continue;
    header.missing.emplace_back("the core was cut short before it got here");
    return;
  }
}

// Runs in the worker. Names of files with odd bytes do not survive JSON: those are left out when
// they cannot be opened.
Result<std::string> analysis_json(const diagnosis::DiagnoseOptions& options) {
  INQ_TRY(diagnosis::Diagnoses diagnoses, diagnosis::diagnose(options));
  const diagnosis::Diagnosis& first = diagnoses.list.front();
  vault::CaseHeader header;
  header.pid = std::max(first.facts.process.pid, 0);
  header.executable = first.facts.process.executable.empty() ? first.facts.process.command
                                                             : first.facts.process.executable;
  header.command_line = first.facts.process.arguments;
  header.signal = first.facts.signal.number;
  header.signature = first.signature.id;
  header.title = first.signature.title();
  header.headline = first.verdict.headline;
  judge_fidelity(first, header);
  clamp(header);
  json::JsonWriter json(json::JsonWriter::Style::kCompact);
  json.begin_object();
  write_files(json, first, options);
  json.key("header").begin_object();
  write_header_fields(json, header);
  json.end_object();
  const diagnosis::ReportSet set = report_set(std::move(diagnoses), options.full);
  json.field("html", render_html(set))
      .field("text", render_text(set, {}))
      .field("json", render_json(set))
      .end_object();
  return std::move(json).take();
}

}  // namespace

std::optional<CaseAnalysis> analyse(diagnosis::DiagnoseOptions options) {
  options.symbol_cache_dir = default_symbol_cache();
  options.known_issues = default_known_issues();
  const auto text = text_of_worker(options.input_name.empty() ? options.input : options.input_name,
                                   {}, [&] { return analysis_json(options); });
  if (!text) return std::nullopt;
  const auto parsed = json::parse_json(*text, {.max_size = text->size(), .max_depth = 16});
  if (!parsed.ok()) {
    refuse(parsed.error());
    return std::nullopt;
  }
  CaseAnalysis analysis;
  analysis.html = parsed->text("html");
  analysis.text = parsed->text("text");
  analysis.json = parsed->text("json");
  if (const json::JsonValue* header = parsed->find("header")) {
    auto read = vault::read_header(*header);
    if (read.ok()) analysis.header = std::move(*read);
  }
  const json::JsonValue* files = parsed->find("files");
  if (files == nullptr || files->array() == nullptr) return analysis;
  for (const json::JsonValue& pair : *files->array()) {
    const auto* both = pair.array();
    if (both == nullptr || both->size() != 2) continue;
    const std::string* place = (*both)[0].string();
    const std::string* path = (*both)[1].string();
    if (place != nullptr && path != nullptr) analysis.files.emplace_back(*place, *path);
  }
  return analysis;
}

std::optional<std::string> find_program(const CaseFiles& files, const std::string& name,
                                        const process::ModuleOptions& modules) {
  return text_of_worker(name, {}, [&]() -> Result<std::string> {
    INQ_TRY(const process::ProcessImage image, process::load(files.evidence));
    const auto resolved = resolve(image, modules, files.root);
    const process::Module* main = resolved.main();
    if (main == nullptr || main->status() == process::FileStatus::kMismatch) return std::string();
    return main->found_path();
  });
}

}  // namespace inquest::cli
