#include "cli/audit_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "lab/audit/tree.h"
#include "platform/json/writer.h"
#include "platform/term/style.h"
#include "platform/term/table.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

using audit::Audit;
using audit::Entry;
using audit::Finding;
using audit::Severity;

constexpr std::string_view to_string(Severity severity) {
  return severity == Severity::kProblem ? "problem" : "warning";
}

// From the audited path on.
std::string short_path(const std::string& path, const std::string& root) {
  if (!path.starts_with(root) || path.size() <= root.size()) return path;
  const std::string rest = path.substr(root.size());
  return rest.substr(std::min(rest.find_first_not_of('/'), rest.size()));
}

std::string package_of(const Entry& entry) {
  if (!entry.package) return "";
  return fmt::format("{} {}", entry.package->name, entry.package->version);
}

std::string kind_of(const Entry& entry) {
  const std::string api(audit::to_string(entry.module.api));
  return entry.module.node_abi ? fmt::format("{} {}", api, *entry.module.node_abi) : api;
}

std::string_view symbols_of(const Entry& entry) {
  return entry.module.has_debug_info ? "debug" : entry.module.has_symbols ? "names" : "stripped";
}

bool has_problem(const std::vector<Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity == Severity::kProblem; });
}

// Of the file and of its package.
std::string verdict_of(const term::Painter& paint, const Audit& audit, const Entry& entry) {
  const audit::PackageEntry* bad = package_entry_of(audit, entry);
  if (has_problem(entry.findings) || (bad != nullptr && has_problem(bad->findings)))
    return paint.red("problem");
  return entry.findings.empty() && bad == nullptr ? paint.green("fits") : paint.yellow("warning");
}

std::string head_of(const Audit& audit, const std::string& path) {
  std::string text = term::printable(path);
  for (const audit::LoaderEntry& entry : audit.loaders) {
    const audit::Loader& loader = entry.loader;
    text += fmt::format(
        ", for {} {}{}", term::printable(loader.name), term::printable(loader.version),
        loader.node_abi == 0 ? "" : fmt::format(", NODE_MODULE_VERSION {}", loader.node_abi));
    std::vector<std::string> more;
    if (!loader.path.empty()) more.push_back(term::printable(loader.path));
    if (!loader.because.empty()) more.push_back(loader.because + "; --node takes another");
    if (!more.empty()) text += fmt::format(" ({})", fmt::join(more, ": "));
  }
  return text + "\n";
}

// "7 for darwin, 2 for musl": what is there and not loaded here.
std::string skipped_of(const Audit& audit) {
  std::map<std::string, size_t> counts;
  for (const Entry& entry : audit.entries) {
    if (entry.skipped.empty()) continue;
    const bool is_for = entry.skipped.starts_with("for ");
    ++counts[is_for ? entry.skipped
                    : "that others are taken before, or whose package is for others"];
  }
  std::string text;
  for (const auto& [what, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, term::printable(what));
  return text.empty() ? "" : "not loaded here: " + text + "\n";
}

std::string details_of(const term::Painter& paint, const std::vector<Finding>& findings,
                       const std::string& subject, int columns) {
  constexpr int kIndent = 11;
  const std::string margin(kIndent, ' ');
  std::string text;
  for (const Finding& finding : findings) {
    const std::string label = term::pad_right(to_string(finding.severity), 9);
    text +=
        "  " + (finding.severity == Severity::kProblem ? paint.red(label) : paint.yellow(label));
    text += subject + "\n";
    for (const std::string& line : term::wrap(term::printable(finding.what), columns - kIndent))
      text += margin + line + "\n";
    if (!finding.link.empty()) text += margin + term::printable(finding.link) + "\n";
    for (const std::string& line : term::wrap(term::printable(finding.fix), columns - kIndent))
      text += margin + paint.cyan(line) + "\n";
  }
  return text;
}

// All findings, those of what loads first.
std::string all_details(const term::Painter& paint, const Audit& audit, const std::string& root,
                        int columns) {
  std::string text;
  for (const audit::LoaderEntry& entry : audit.loaders) {
    const std::string subject = entry.loader.name + " " + entry.loader.version;
    text += details_of(paint, entry.findings, paint.bold(term::printable(subject)), columns);
  }
  for (const audit::PackageEntry& bad : audit.packages) {
    const std::string subject = bad.package.name + " " + bad.package.version;
    text += details_of(paint, bad.findings, paint.bold(term::printable(subject)), columns);
  }
  for (const Entry& entry : audit.entries) {
    std::string subject = paint.bold(term::printable(short_path(entry.module.path, root)));
    if (entry.package) subject += "  (" + term::printable(package_of(entry)) + ")";
    text += details_of(paint, entry.findings, subject, columns);
  }
  return text;
}

std::string known_issues_of(const issues::KnownIssues& known) {
  if (known.issues.empty()) return "held against no known issues: there is no file of them\n";
  return fmt::format("held against {} known issues{}\n", known.issues.size(),
                     known.updated.empty() ? "" : " of " + term::printable(known.updated));
}

void write_finding(json::JsonWriter& out, const Finding& finding) {
  out.begin_object()
      .field("id", finding.id)
      .field("severity", to_string(finding.severity))
      .field("what", finding.what)
      .field("fix", finding.fix);
  if (!finding.issue.empty()) {
    out.field("issue", finding.issue)
        .field("link", finding.link)
        .field("fixed_version", finding.fixed_version);
  }
  out.end_object();
}

void write_findings(json::JsonWriter& out, const std::vector<Finding>& findings) {
  out.key("findings").begin_array();
  for (const Finding& finding : findings) write_finding(out, finding);
  out.end_array();
}

void write_entry(json::JsonWriter& out, const Audit& audit, const Entry& entry) {
  const audit::NativeModule& module = entry.module;
  out.begin_object().field("path", module.path);
  out.key("package");
  if (entry.package) {
    out.begin_object().field("name", entry.package->name).field("version", entry.package->version);
    out.key("known_issues").begin_array();
    if (const audit::PackageEntry* bad = package_entry_of(audit, entry)) {
      for (const Finding& finding : bad->findings)
        if (!finding.issue.empty()) out.value(finding.issue);
    }
    out.end_array().end_object();
  } else {
    out.null();
  }
  out.field("api", audit::to_string(module.api));
  out.field("machine", module.machine == 0 ? "" : audit::machine_name(module.machine));
  out.field("node_abi", module.node_abi);
  out.field("libc", audit::to_string(audit::libc_of(module)));
  out.field("build_id", module.build_id).field("symbols", symbols_of(entry));
  out.key("needs").begin_array();
  for (const std::string& name : module.needed) out.value(name);
  out.end_array();
  out.field("skipped", entry.skipped);
  write_findings(out, entry.findings);
  out.end_object();
}

void write_loader(json::JsonWriter& out, const audit::LoaderEntry& entry) {
  const audit::Loader& loader = entry.loader;
  out.begin_object()
      .field("name", loader.name)
      .field("path", loader.path)
      .field("version", loader.version)
      .field("because", loader.because)
      .field("node_abi", loader.node_abi)
      .field("node_api", loader.node_api)
      .field("libc", audit::to_string(loader.libc));
  write_findings(out, entry.findings);
  out.end_object();
}

void write_package(json::JsonWriter& out, const audit::PackageEntry& bad) {
  out.begin_object()
      .field("name", bad.package.name)
      .field("version", bad.package.version)
      .field("path", bad.package.directory);
  write_findings(out, bad.findings);
  out.end_object();
}

// A path in the tree, or an absolute one, as a URI reference (RFC 3986).
std::string uri_of(const std::string& path) {
  constexpr std::string_view kPlain = "/-._~@+";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || kPlain.find(c) != std::string_view::npos)) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", byte);
    }
  }
  return uri;
}

// Python's packages are known by their modules, or by the folder of their list.
std::string place_of(const Audit& audit, const audit::PackageEntry& bad) {
  if (!bad.package.directory.empty()) return bad.package.directory;
  for (const Entry& entry : audit.entries)
    if (package_entry_of(audit, entry) == &bad) return audit::absolute(entry.module.path);
  return {};
}

void write_results(json::JsonWriter& out, const std::vector<Finding>& findings,
                   const std::string& path) {
  for (const Finding& finding : findings) {
    out.begin_object().field("ruleId", finding.id);
    out.field("level", finding.severity == Severity::kProblem ? "error" : "warning");
    const std::string link = finding.link.empty() ? "" : " See " + finding.link + " .";
    out.key("message").begin_object();
    out.field("text", fmt::format("{}.{} Fix: {}", finding.what, link, finding.fix)).end_object();
    out.key("locations").begin_array().begin_object();
    out.key("physicalLocation").begin_object().key("artifactLocation").begin_object();
    out.field("uri", uri_of(path)).end_object().end_object();
    out.end_object().end_array().end_object();
  }
}

}  // namespace

std::string render_audit_text(const Audit& audit, const issues::KnownIssues& known,
                              const std::string& path, int fd) {
  const term::Terminal terminal = term::detect(fd);
  const term::Painter paint(terminal.color);
  std::string text = head_of(audit, path);
  term::Table table({term::Align::kLeft, term::Align::kLeft, term::Align::kLeft, term::Align::kLeft,
                     term::Align::kLeft},
                    2);
  constexpr int kPackageColumns = 30, kOthers = 44;
  for (const Entry& entry : audit.entries) {
    if (!entry.skipped.empty()) continue;
    table.add_row(
        {verdict_of(paint, audit, entry),
         term::truncate_middle(term::printable(short_path(entry.module.path, path)),
                               std::max(terminal.columns - kPackageColumns - kOthers, 40)),
         term::truncate(term::printable(package_of(entry)), kPackageColumns), kind_of(entry),
         std::string(symbols_of(entry))});
  }
  if (table.size() == 0) text += "no native module is loaded from there\n";
  text += table.render() + skipped_of(audit) + known_issues_of(known);
  const std::string details = all_details(paint, audit, path, terminal.columns);
  if (!details.empty()) text += "\n" + details;
  for (const std::string& note : audit.notes) text += "note: " + term::printable(note) + "\n";
  return text;
}

std::string render_audit_json(const Audit& audit, const issues::KnownIssues& known,
                              const std::string& path) {
  json::JsonWriter out;
  out.begin_object().field("format", "inquest-audit").field("version", 1).field("path", path);
  out.key("loaders").begin_array();
  for (const audit::LoaderEntry& entry : audit.loaders) write_loader(out, entry);
  out.end_array().key("modules").begin_array();
  for (const Entry& entry : audit.entries) write_entry(out, audit, entry);
  out.end_array().key("packages").begin_array();
  for (const audit::PackageEntry& bad : audit.packages) write_package(out, bad);
  out.end_array().key("known_issues").begin_object();
  out.field("count", static_cast<uint64_t>(known.issues.size())).field("updated", known.updated);
  out.end_object().key("notes").begin_array();
  for (const std::string& note : audit.notes) out.value(note);
  out.end_array().end_object();
  return std::move(out).take();
}

std::string render_audit_sarif(const Audit& audit, const std::string& path) {
  std::set<std::string> rules;
  const auto note_rules = [&](const auto& list) {
    for (const auto& entry : list)
      for (const Finding& finding : entry.findings) rules.insert(finding.id);
  };
  note_rules(audit.loaders);
  note_rules(audit.packages);
  note_rules(audit.entries);
  json::JsonWriter out;
  out.begin_object()
      .field("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
      .field("version", "2.1.0");
  out.key("runs").begin_array().begin_object();
  out.key("tool").begin_object().key("driver").begin_object();
  out.field("name", "inquest audit").field("version", INQUEST_VERSION);
  out.key("rules").begin_array();
  for (const std::string& rule : rules) out.begin_object().field("id", rule).end_object();
  out.end_array().end_object().end_object();
  out.key("results").begin_array();
  for (const audit::LoaderEntry& entry : audit.loaders)
    write_results(out, entry.findings, entry.loader.path);
  for (const audit::PackageEntry& bad : audit.packages)
    write_results(out, bad.findings, short_path(place_of(audit, bad), audit::absolute(path)));
  for (const Entry& entry : audit.entries)
    write_results(out, entry.findings, short_path(entry.module.path, path));
  out.end_array().end_object().end_array().end_object();
  return std::move(out).take();
}

}  // namespace inquest::cli
