#include "diagnosis/known/match.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <unordered_set>

#include "diagnosis/signature/signature.h"
#include "process/issues/names.h"

namespace inquest::diagnosis {
namespace {

using issues::fits;
using issues::fits_package;
using issues::IssuePattern;
using issues::KnownIssue;
using issues::lower;
using issues::VersionRange;

constexpr size_t kMaxMatches = 5;

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
}

// "Node.js 18.20.8", "CPython 3.11.2": its last word that begins with a digit.
std::string version_in(std::string_view name) {
  for (size_t at = name.find(' '); at != std::string_view::npos; at = name.find(' ', at + 1)) {
    std::string_view word = name.substr(at + 1, name.find(' ', at + 1) - at - 1);
    if (word.starts_with('v')) word.remove_prefix(1);
    if (!word.empty() && std::isdigit(static_cast<unsigned char>(word.front())) != 0)
      return std::string(word);
  }
  return {};
}

// "nvm" and its like keep each version in a folder of that name: ".../v18.20.8/bin/node".
std::string version_in_path(std::string_view path) {
  while (!path.empty()) {
    const size_t slash = path.rfind('/');
    std::string_view part = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
    if (part.starts_with("node-v")) part.remove_prefix(5);
    if (!part.starts_with('v')) continue;
    part.remove_prefix(1);
    part = part.substr(0, part.find('-'));
    const bool is_version = std::ranges::count(part, '.') == 2 &&
                            part.find_first_not_of("0123456789.") == std::string_view::npos;
    if (is_version) return std::string(part);
  }
  return {};
}

// The crash as patterns see it: taken apart once for all of them.
class Subject {
 public:
  explicit Subject(const Facts& facts) : facts_(facts), fault_kind_(diagnosis::fault_kind(facts)) {
    for (const FrameFact& frame : facts.crashing.frames) {
      for (const FunctionFact& function : frame.functions) {
        const std::string& name = function.short_name.empty() ? function.name : function.short_name;
        functions_.push_back(name.empty() ? std::string() : grouping_name(name));
        add(function.package);
        // Reports in texts have functions of scripts as functions.
        if (frame.module.empty() && !function.file.empty() && !name.empty())
          scripts_.push_back(function.file + ":" + name);
      }
      for (const RuntimeFrameFact& script : frame.runtime_frames) add_script(script);
      if (!frame.module.empty()) on_stack_.emplace_back(base_name(frame.module));
    }
    if (facts.crashing.runtime)
      for (const RuntimeFrameFact& script : facts.crashing.runtime->apart) add_script(script);
    for (const ModuleFact& module : facts.modules) add(module.package);
  }

  const Facts& facts() const { return facts_; }
  const std::string& fault_kind() const { return fault_kind_; }
  const std::vector<std::string>& functions() const { return functions_; }
  const std::vector<std::string>& scripts() const { return scripts_; }
  const std::vector<std::string>& on_stack() const { return on_stack_; }
  const std::vector<PackageFact>& packages() const { return packages_; }

  std::string crash_module() const {
    const auto& frames = facts_.crashing.frames;
    return facts_.crash_frame < frames.size()
               ? std::string(base_name(frames[facts_.crash_frame].module))
               : std::string();
  }

  std::optional<uint64_t> address() const {
    if (facts_.fault && facts_.fault->address) return facts_.fault->address->value;
    if (facts_.reported && facts_.reported->address) return facts_.reported->address->value;
    return facts_.signal.address ? std::optional(facts_.signal.address->value) : std::nullopt;
  }

  // Words that the process or its run time left.
  bool says(std::string_view words) const {
    const auto has = [&](const std::string& text) {
      return fits(fmt::format("*{}*", words), text);
    };
    if (has(facts_.abort.message)) return true;
    if (std::ranges::any_of(facts_.other, [&](const Fact& fact) { return has(fact.statement); }))
      return true;
    return facts_.reported && (has(facts_.reported->error) || has(facts_.reported->summary));
  }

  // nullopt: it is none of that name. Empty: its version is not known.
  std::optional<std::string> version_of_run_time(const std::string& name) const {
    for (const RuntimeFact& known : facts_.runtimes) {
      if (lower(known.name).starts_with(lower(name))) return version_in(known.name);
    }
    const std::string wanted = lower(name) == "cpython" ? "python3" : lower(name);
    if (!lower(facts_.process.runtime).starts_with(wanted)) return std::nullopt;
    // Reports in texts: "bun 1.3.10".
    std::string version = version_in(facts_.process.runtime);
    if (version.empty()) version = version_of_program();
    return version.empty() ? version_told(name) : version;
  }

 private:
  void add(const std::optional<PackageFact>& package) {
    if (!package || package->is_program) return;
    const bool known = std::ranges::any_of(packages_, [&](const PackageFact& other) {
      return other.manager == package->manager && other.name == package->name;
    });
    if (!known) packages_.push_back(*package);
  }

  void add_script(const RuntimeFrameFact& script) {
    scripts_.push_back(script.file + ":" + script.function);
    add(script.package);
  }

  // What the process printed of itself: "Bun v1.3.10 (30e609e0) Linux x64".
  std::string version_told(const std::string& name) const {
    const std::string words = lower(name) + " v";
    for (const Fact& fact : facts_.other) {
      const std::string text = lower(fact.statement);
      for (size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
        const size_t start = at + words.size();
        const size_t end = std::min(text.find_first_not_of("0123456789.", start), text.size());
        const bool is_word = at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0;
        if (is_word && end > start) return text.substr(start, end - start);
      }
    }
    return {};
  }

  // By what installed the program, when the run time itself could not be asked.
  std::string version_of_program() const {
    const std::string& path = facts_.process.executable;
    if (const std::string version = version_in_path(path); !version.empty()) return version;
    for (const ModuleFact& module : facts_.modules) {
      if (module.path != path || !module.package || module.package->is_program) continue;
      // Of "20.20.2-1nodesource1" and "18.20.4+dfsg-1~deb12u1" what Debian added.
      const std::string& version = module.package->version;
      return module.package->manager == "debian" ? version.substr(0, version.find_first_of("+~-"))
                                                 : version;
    }
    return {};
  }

  const Facts& facts_;
  std::string fault_kind_;
  std::vector<std::string> functions_, scripts_, on_stack_;
  std::vector<PackageFact> packages_;
};

// Of a script the last parts of its file are enough: "sentry_sdk/profiler.py:_extract_stack".
bool fits_script(std::string_view pattern, std::string_view script) {
  return fits(pattern, script) || fits(fmt::format("*/{}", pattern), script);
}

// Do `patterns` come in this order in `names`?
bool in_order(const std::vector<std::string>& patterns, const std::vector<std::string>& names,
              bool (*fit)(std::string_view, std::string_view)) {
  size_t next = 0;
  for (const std::string& name : names) {
    if (next < patterns.size() && fit(patterns[next], name)) ++next;
  }
  return next == patterns.size();
}

bool any_fits(std::string_view pattern, const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [&](const std::string& name) { return fits(pattern, name); });
}

// Holds one pattern against the crash, and keeps what speaks for it.
class Comparison {
 public:
  Comparison(const IssuePattern& pattern, const Subject& subject)
      : pattern_(pattern), subject_(subject) {}

  bool holds() { return fault() && stack() && modules() && package() && run_time(); }
  std::vector<std::string> because() && { return std::move(because_); }
  bool versions_known() const { return versions_known_; }

 private:
  bool fault() {
    if (!pattern_.fault_kind.empty()) {
      const bool fit = std::ranges::any_of(pattern_.fault_kind, [&](const std::string& kind) {
        return fits(kind, subject_.fault_kind());
      });
      if (!fit) return false;
      because_.push_back(fmt::format("the fault is {}", subject_.fault_kind()));
    }
    if (pattern_.address_from) {
      const auto address = subject_.address();
      if (!address || *address < *pattern_.address_from || *address > *pattern_.address_to)
        return false;
      because_.push_back(fmt::format("the refused address is {:#x}", *address));
    }
    if (pattern_.message.empty()) return true;
    if (!subject_.says(pattern_.message)) return false;
    because_.push_back(fmt::format("it said \"{}\"", pattern_.message));
    return true;
  }

  bool stack() {
    if (!in_order(pattern_.functions, subject_.functions(), fits) ||
        !in_order(pattern_.script_functions, subject_.scripts(), fits_script))
      return false;
    for (const std::string& name : pattern_.functions)
      because_.push_back(fmt::format("{} is on the stack", name));
    for (const std::string& name : pattern_.script_functions)
      because_.push_back(fmt::format("{} is on the stack", name));
    return true;
  }

  bool modules() {
    if (!pattern_.crash_module.empty()) {
      if (!fits(pattern_.crash_module, subject_.crash_module())) return false;
      because_.push_back(fmt::format("it crashed in {}", subject_.crash_module()));
    }
    for (const std::string& name : pattern_.on_stack) {
      if (!any_fits(name, subject_.on_stack())) return false;
      because_.push_back(fmt::format("{} is on the stack", name));
    }
    for (const std::string& name : pattern_.loaded) {
      const bool is_loaded = std::ranges::any_of(
          subject_.facts().modules,
          [&](const ModuleFact& module) { return fits(name, base_name(module.path)); });
      if (!is_loaded) return false;
      because_.push_back(fmt::format("{} is loaded", name));
    }
    return true;
  }

  bool package() {
    if (pattern_.package.empty()) return true;
    for (const PackageFact& package : subject_.packages()) {
      if (!pattern_.manager.empty() && pattern_.manager != package.manager) continue;
      if (!fits_package(pattern_.package, package.manager, package.name)) continue;
      if (!version_fits(pattern_.package_versions, package.version)) continue;
      because_.push_back(fmt::format("{} is on the stack", package_words(package)));
      return true;
    }
    return false;
  }

  bool run_time() {
    if (pattern_.run_time.empty()) return true;
    const auto version = subject_.version_of_run_time(pattern_.run_time);
    if (!version || !version_fits(pattern_.run_time_versions, *version)) return false;
    because_.push_back(version->empty()
                           ? fmt::format("it ran on {}", pattern_.run_time)
                           : fmt::format("it ran on {} {}", pattern_.run_time, *version));
    return true;
  }

  // What is not known may be one of them.
  bool version_fits(const VersionRange& range, const std::string& version) {
    if (range.is_all()) return true;
    if (version.empty()) {
      versions_known_ = false;
      return true;
    }
    return range.contains(version);
  }

  const IssuePattern& pattern_;
  const Subject& subject_;
  std::vector<std::string> because_;
  bool versions_known_ = true;
};

}  // namespace

std::vector<KnownMatch> match(const issues::KnownIssues& known, const Facts& facts) {
  std::vector<KnownMatch> matches;
  if (known.issues.empty()) return matches;
  const Subject subject(facts);
  for (const KnownIssue& issue : known.issues) {
    if (issue.disabled) continue;
    Comparison comparison(issue.pattern, subject);
    if (!comparison.holds()) continue;
    const bool sure = comparison.versions_known() && !issue.possible;
    matches.push_back({.id = issue.id,
                       .title = issue.title,
                       .party = issue.party,
                       .link = issue.link,
                       .more_links = issue.more_links,
                       .fixed = issue.fixed,
                       .workaround = issue.workaround,
                       .because = std::move(comparison).because(),
                       .sure = sure});
  }
  std::ranges::stable_partition(matches, &KnownMatch::sure);
  if (matches.size() > kMaxMatches) matches.resize(kMaxMatches);
  return matches;
}

}  // namespace inquest::diagnosis
