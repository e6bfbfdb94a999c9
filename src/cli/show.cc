#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "platform/term/style.h"
#include "platform/term/table.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

struct Options {
  std::string vault, id;
  bool json = false;
};

void add(std::string& text, std::string_view label, const std::string& value) {
  if (!value.empty()) text += fmt::format("{:<12} {}\n", label, term::printable(value));
}

std::string fidelity_text(const vault::Case& one) {
  const auto kept = one.kept_fidelity();
  std::string text(to_string(kept));
  if (kept != one.header.fidelity) {
    text += fmt::format(" (captured as {})", to_string(one.header.fidelity));
  }
  return text;
}

std::string attachments_text(const vault::Case& one) {
  using enum term::Align;
  term::Table table({kLeft, kLeft, kRight, kRight, kRight, kLeft}, 2);
  table.add_row({"NAME", "ROLE", "SIZE", "DATA", "STORED", ""});
  for (const vault::Attachment& part : one.attachments) {
    std::string remark = part.truncated ? "cut short" : "";
    if (!part.kept) remark = "not kept: " + part.why;
    table.add_row({term::printable(part.name), std::string(to_string(part.role)),
                   size_text(part.size), size_text(part.data), size_text(part.stored),
                   term::printable(remark)});
  }
  return table.render();
}

std::string case_text(const vault::Case& one, bool in_use) {
  const vault::CaseHeader& header = one.header;
  std::string text;
  if (!header.headline.empty()) text += term::printable(header.headline) + "\n\n";
  add(text, "case", one.id);
  std::string state(to_string(one.state));
  if (one.state == vault::State::kReceiving && !in_use) state += " (its writer is gone)";
  if (one.pinned) state += ", pinned";
  if (one.state != vault::State::kReceiving && in_use) state += ", in use";
  add(text, "state", state);
  add(text, "time", local_time(header.time_ns));
  add(text, "program", header.executable);
  add(text, "command", header.command_line);
  add(text, "pid", header.pid == 0 ? "" : std::to_string(header.pid));
  add(text, "signal", signal_text(header.signal));
  add(text, "uptime", header.uptime_ms ? duration_text(*header.uptime_ms) : "");
  add(text, "signature", header.signature + (header.title.empty() ? "" : "  " + header.title));
  add(text, "host", header.host);
  add(text, "kernel", header.kernel);
  add(text, "unit", header.unit);
  add(text, "container", header.container);
  add(text, "cgroup", header.cgroup);
  for (const auto& [name, value] : header.annotations)
    add(text, "said", fmt::format("{} = {}", name, value));
  for (const auto& [name, value] : header.labels)
    add(text, "label", fmt::format("{} = {}", name, value));
  add(text, "evidence", fidelity_text(one));
  for (const std::string& reason : one.reasons()) add(text, "  missing", reason);
  if (!one.attachments.empty()) text += "\n" + attachments_text(one);
  return text;
}

int show(const Options& options) {
  auto vault = open_vault(options.vault, Access::kRead);
  if (!vault.ok()) return refuse(vault.error());
  const auto found = vault->find(options.id);
  if (!found.ok()) return refuse(found.error());
  const bool in_use = vault->in_use(found->id);
  if (!options.json) return print(case_text(*found, in_use));
  json::JsonWriter json;
  json.begin_object().field("schema", "inquest-case-view").field("schema_version", 1);
  json.field("in_use", in_use);
  write_case(json, *found);
  json.end_object();
  return print(std::move(json).take());
}

}  // namespace

void add_show(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand("show", "Show all that is kept of a crash in the vault");
  command->add_option("ID", options->id, "a case, or how its id begins")->required();
  add_vault_option(*command, options->vault);
  command->add_flag("--json", options->json, "print it as JSON");
  command->callback([options, &chosen] { chosen = [options] { return show(*options); }; });
}

}  // namespace inquest::cli
