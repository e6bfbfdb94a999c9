#include "cli/audit_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

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
std::string short_path(const Entry& entry, const std::string& root) {
  const std::string& path = entry.module.path;
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

std::string verdict_of(const term::Painter& paint, const Entry& entry) {
  if (entry.findings.empty()) return paint.green("fits");
  const bool is_problem = std::ranges::any_of(entry.findings, [](const Finding& finding) {
    return finding.severity == Severity::kProblem;
  });
  return is_problem ? paint.red("problem") : paint.yellow("warning");
}

std::string_view loader_name(const audit::Loader& loader) {
  return loader.kind == audit::Loader::Kind::kNode ? "Node.js" : "Python";
}

std::string head_of(const Audit& audit, const std::string& path) {
  std::string text = term::printable(path);
  for (const audit::Loader& loader : audit.loaders) {
    text += fmt::format(
        ", for {} {}{} ({})", loader_name(loader), loader.version,
        loader.node_abi == 0 ? "" : fmt::format(", NODE_MODULE_VERSION {}", loader.node_abi),
        term::printable(loader.path));
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

std::string details_of(const term::Painter& paint, const Entry& entry, const std::string& root,
                       int columns) {
  constexpr int kIndent = 11;
  const std::string margin(kIndent, ' ');
  std::string text;
  for (const Finding& finding : entry.findings) {
    const std::string label = term::pad_right(to_string(finding.severity), 9);
    text +=
        "  " + (finding.severity == Severity::kProblem ? paint.red(label) : paint.yellow(label));
    text += paint.bold(term::printable(short_path(entry, root)));
    if (entry.package) text += "  (" + term::printable(package_of(entry)) + ")";
    text += "\n";
    for (const std::string& line : term::wrap(term::printable(finding.what), columns - kIndent))
      text += margin + line + "\n";
    text += margin + paint.cyan(term::printable(finding.fix)) + "\n";
  }
  return text;
}

void write_finding(json::JsonWriter& out, const Finding& finding) {
  out.begin_object()
      .field("id", finding.id)
      .field("severity", to_string(finding.severity))
      .field("what", finding.what)
      .field("fix", finding.fix)
      .end_object();
}

void write_entry(json::JsonWriter& out, const Entry& entry) {
  const audit::NativeModule& module = entry.module;
  out.begin_object().field("path", module.path);
  out.key("package");
  if (entry.package) {
    out.begin_object()
        .field("name", entry.package->name)
        .field("version", entry.package->version)
        .end_object();
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
  out.key("findings").begin_array();
  for (const Finding& finding : entry.findings) write_finding(out, finding);
  out.end_array().end_object();
}

}  // namespace

std::string render_audit_text(const Audit& audit, const std::string& path, int fd) {
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
        {verdict_of(paint, entry),
         term::truncate_middle(term::printable(short_path(entry, path)),
                               std::max(terminal.columns - kPackageColumns - kOthers, 40)),
         term::truncate(term::printable(package_of(entry)), kPackageColumns), kind_of(entry),
         std::string(symbols_of(entry))});
  }
  if (table.size() == 0) text += "no native module is loaded from there\n";
  text += table.render() + skipped_of(audit);
  std::string details;
  for (const Entry& entry : audit.entries)
    details += details_of(paint, entry, path, terminal.columns);
  if (!details.empty()) text += "\n" + details;
  for (const std::string& note : audit.notes) text += "note: " + term::printable(note) + "\n";
  return text;
}

std::string render_audit_json(const Audit& audit, const std::string& path) {
  json::JsonWriter out;
  out.begin_object().field("format", "inquest-audit").field("version", 1).field("path", path);
  out.key("loaders").begin_array();
  for (const audit::Loader& loader : audit.loaders) {
    out.begin_object()
        .field("name", loader_name(loader))
        .field("path", loader.path)
        .field("version", loader.version)
        .field("node_abi", loader.node_abi)
        .field("node_api", loader.node_api)
        .field("libc", audit::to_string(loader.libc))
        .end_object();
  }
  out.end_array().key("modules").begin_array();
  for (const Entry& entry : audit.entries) write_entry(out, entry);
  out.end_array().key("notes").begin_array();
  for (const std::string& note : audit.notes) out.value(note);
  out.end_array().end_object();
  return std::move(out).take();
}

std::string render_audit_sarif(const Audit& audit, const std::string& path) {
  std::set<std::string> rules;
  for (const Entry& entry : audit.entries)
    for (const Finding& finding : entry.findings) rules.insert(finding.id);
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
  for (const Entry& entry : audit.entries) {
    for (const Finding& finding : entry.findings) {
      out.begin_object().field("ruleId", finding.id);
      out.field("level", finding.severity == Severity::kProblem ? "error" : "warning");
      out.key("message").begin_object();
      out.field("text", fmt::format("{}. Fix: {}", finding.what, finding.fix)).end_object();
      out.key("locations").begin_array().begin_object();
      out.key("physicalLocation").begin_object().key("artifactLocation").begin_object();
      out.field("uri", short_path(entry, path)).end_object().end_object();
      out.end_object().end_array().end_object();
    }
  }
  out.end_array().end_object().end_array().end_object();
  return std::move(out).take();
}

}  // namespace inquest::cli
