#include "diagnosis/engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "diagnosis/engine/text_evidence.h"
#include "diagnosis/facts/derive.h"
#include "diagnosis/facts/owners.h"
#include "platform/os/file.h"
#include "process/input/load.h"
#include "process/symbols/symbols.h"
#include "process/symbols/variables.h"
#include "process/unwind/unwind.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxThreadsNamed = 12;
constexpr size_t kSniffed = 4096;

// An error that says which threads there are when the one asked for is not among them.
Status check_thread(const process::ProcessImage& image, const DiagnoseOptions& options) {
  if (!options.thread) return {};
  std::vector<int32_t> known;
  for (const process::Thread& thread : image.threads) {
    if (thread.tid == *options.thread) return {};
    if (known.size() < kMaxThreadsNamed) known.push_back(thread.tid);
  }
  return Error(ErrorCode::kNotFound,
               fmt::format("{}: there is no thread {} in it; its threads are {}{}", image.source,
                           *options.thread, fmt::join(known, ", "),
                           image.threads.size() > known.size()
                               ? fmt::format(" and {} more", image.threads.size() - known.size())
                               : ""));
}

// The options that name files or a thread, as they would be typed again.
std::vector<std::string> given_options(const DiagnoseOptions& options) {
  std::vector<std::string> words;
  const auto add = [&](std::string_view option, const std::string& value) {
    if (value.empty()) return;
    words.emplace_back(option);
    words.push_back(value);
  };
  add("--exe", options.modules.executable);
  add("--sysroot", options.modules.sysroot);
  for (const std::string& directory : options.modules.debug_dirs) add("--debug-dir", directory);
  if (options.thread) add("--thread", std::to_string(*options.thread));
  return words;
}

}  // namespace

Result<Facts> facts_of(const process::ProcessImage& image, const DiagnoseOptions& options) {
  INQ_TRY_STATUS(check_thread(image, options));
  process::ModuleOptions files = options.modules;
  if (files.sysroot.empty()) files.sysroot = options.input_root;
  const process::ModuleSet modules = process::ModuleSet::resolve(image, files);
  process::Unwinder unwinder(image, modules);
  process::Symbolizer symbols(modules, {.cache_dir = options.symbol_cache_dir,
                                        .use_cache = !options.symbol_cache_dir.empty()});
  process::VariableReader variables(image, modules, symbols.debug_infos());
  Facts facts = derive({.image = image,
                        .modules = modules,
                        .unwinder = unwinder,
                        .symbols = symbols,
                        .variables = &variables,
                        .full = options.full,
                        .thread = options.thread,
                        .all_threads = options.all_threads});
  facts.process.given = given_options(options);
  symbols.save();
  return facts;
}

Knowledge knowledge_of(const DiagnoseOptions& options, bool is_text) {
  Knowledge knowledge;
  knowledge.known = issues::read_known_issue_files(options.known_issues);
  if (!options.packages) return knowledge;
  const std::string& root =
      options.modules.sysroot.empty() ? options.input_root : options.modules.sysroot;
  OwnerSources& owners = knowledge.owners.emplace();
  owners.packages = packages::Packages(root);
  // A text may have been written on any machine.
  if (is_text && root.empty()) owners.packages = packages::Packages::by_paths();
  if (!root.empty()) owners.here.emplace();
  return knowledge;
}

Diagnosis conclude(std::optional<process::ProcessImage> image, Facts facts, Knowledge& knowledge) {
  if (knowledge.owners) add_owners(*knowledge.owners, facts);
  Verdict verdict = judge(facts, match(knowledge.known, facts));
  for (const std::string& note : knowledge.known.notes) verdict.limits.push_back(note);
  Signature signature = sign(facts);
  return {std::move(image), std::move(facts), std::move(verdict), std::move(signature),
          std::nullopt};
}

Result<Diagnoses> diagnose(const DiagnoseOptions& options) {
  INQ_TRY(process::Input input, process::open_input(options.input));
  const ByteView bytes = input.bytes();
  if (process::is_text(bytes.first(std::min(bytes.size(), kSniffed)))) {
    return diagnose_text(input, options);
  }
  INQ_TRY(process::ProcessImage image, process::load(std::move(input)));
  if (!options.input_name.empty()) image.source = options.input_name;
  INQ_TRY(Diagnosis diagnosis, diagnose_image(std::move(image), options));
  Diagnoses result;
  result.list.push_back(std::move(diagnosis));
  return result;
}

Result<Diagnosis> diagnose_image(process::ProcessImage image, const DiagnoseOptions& options) {
  INQ_TRY(Facts facts, facts_of(image, options));
  Knowledge knowledge = knowledge_of(options, false);
  return conclude(std::move(image), std::move(facts), knowledge);
}

}  // namespace inquest::diagnosis
