#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "platform/term/style.h"
#include "platform/term/table.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

constexpr int kSchemaVersion = 1;

struct Options {
  std::string vault, signature, executable, since;
  size_t limit = 0;
  bool group = false;
  bool json = false;
};

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The signature's id begins with the text, or its title holds it.
bool has_signature(const vault::Case& one, const std::string& text) {
  return text.empty() || one.header.signature.starts_with(text) ||
         one.header.title.find(text) != std::string::npos;
}

bool is_program(const vault::Case& one, const std::string& name) {
  return name.empty() || one.header.executable == name || base_name(one.header.executable) == name;
}

std::vector<vault::Case> select(std::vector<vault::Case> cases, const Options& options) {
  const auto since = options.since.empty() ? std::nullopt : parse_since(options.since, now_ns());
  std::erase_if(cases, [&](const vault::Case& one) {
    return !has_signature(one, options.signature) || !is_program(one, options.executable) ||
           (since && one.header.time_ns < *since);
  });
  // Newest first; what began later comes first when the time is the same.
  std::reverse(cases.begin(), cases.end());
  std::stable_sort(cases.begin(), cases.end(), [](const vault::Case& a, const vault::Case& b) {
    return a.header.time_ns > b.header.time_ns;
  });
  return cases;
}

// What happened, in the fewest words there are.
std::string summary(const vault::Case& one) {
  if (!one.header.title.empty()) return one.header.title;
  return one.header.headline.empty() ? "not explained yet" : one.header.headline;
}

std::string evidence_of(const vault::Case& one) {
  std::string text(to_string(one.kept_fidelity()));
  if (one.state == vault::State::kReceiving) text += ", receiving";
  if (one.state == vault::State::kTruncated) text += ", cut";
  if (one.pinned) text += ", pinned";
  return text;
}

// A line a row, cut where the terminal ends.
std::string cut_lines(const std::string& table) {
  const term::Terminal terminal = term::detect(STDOUT_FILENO);
  if (!terminal.interactive) return table;
  std::string text;
  size_t start = 0;
  for (size_t end; (end = table.find('\n', start)) != std::string::npos; start = end + 1) {
    text += term::truncate(table.substr(start, end - start), terminal.columns) + "\n";
  }
  return text;
}

std::string list_text(const std::vector<vault::Case>& cases) {
  using enum term::Align;
  term::Table table({kLeft, kLeft, kLeft, kRight, kLeft, kLeft, kLeft});
  table.add_row({"CASE", "TIME", "PROGRAM", "PID", "SIGNAL", "EVIDENCE", "WHAT"});
  for (const vault::Case& one : cases) {
    table.add_row({short_id(one.id), local_time(one.header.time_ns),
                   term::printable(base_name(one.header.executable)),
                   std::to_string(one.header.pid), signal_text(one.header.signal), evidence_of(one),
                   term::printable(summary(one))});
  }
  return cut_lines(table.render());
}

struct Group {
  uint64_t count = 0, with_evidence = 0;
  int64_t first_ns = INT64_MAX, last_ns = 0;
  const vault::Case* newest = nullptr;
};

// The most frequent first.
std::vector<std::pair<std::string, Group>> groups_of(const std::vector<vault::Case>& cases) {
  std::map<std::string, Group> groups;
  for (const vault::Case& one : cases) {
    Group& group = groups[group_of(one.header)];
    ++group.count;
    group.with_evidence += one.best_evidence() != nullptr ? 1 : 0;
    group.first_ns = std::min(group.first_ns, one.header.time_ns);
    group.last_ns = std::max(group.last_ns, one.header.time_ns);
    if (group.newest == nullptr) group.newest = &one;  // they come newest first
  }
  std::vector<std::pair<std::string, Group>> sorted(groups.begin(), groups.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
  return sorted;
}

std::string groups_text(const std::vector<std::pair<std::string, Group>>& groups) {
  using enum term::Align;
  term::Table table({kRight, kRight, kLeft, kLeft, kLeft, kLeft});
  table.add_row({"COUNT", "KEPT", "FIRST", "LAST", "NEWEST", "WHAT"});
  for (const auto& [name, group] : groups) {
    const bool has_title = !group.newest->header.title.empty();
    table.add_row({std::to_string(group.count), std::to_string(group.with_evidence),
                   local_time(group.first_ns), local_time(group.last_ns),
                   short_id(group.newest->id),
                   term::printable(has_title ? group.newest->header.title : name)});
  }
  return cut_lines(table.render());
}

std::string groups_json(const std::vector<std::pair<std::string, Group>>& groups) {
  json::JsonWriter json;
  json.begin_object()
      .field("schema", "inquest-case-groups")
      .field("schema_version", kSchemaVersion);
  json.key("groups").begin_array();
  for (const auto& [name, group] : groups) {
    json.begin_object()
        .field("group", name)
        .field("title", group.newest->header.title)
        .field("executable", group.newest->header.executable)
        .field("count", group.count)
        .field("with_evidence", group.with_evidence)
        .field("first_ns", group.first_ns)
        .field("last_ns", group.last_ns)
        .field("newest", group.newest->id)
        .end_object();
  }
  json.end_array().end_object();
  return std::move(json).take();
}

std::string list_json(const std::vector<vault::Case>& cases) {
  json::JsonWriter json;
  json.begin_object().field("schema", "inquest-cases").field("schema_version", kSchemaVersion);
  json.key("cases").begin_array();
  for (const vault::Case& one : cases) {
    json.begin_object();
    write_case(json, one);
    json.end_object();
  }
  json.end_array().end_object();
  return std::move(json).take();
}

int list(const Options& options) {
  auto vault = open_vault(options.vault, Access::kRead);
  if (!vault.ok()) return refuse(vault.error());
  auto all = vault->list();
  if (!all.ok()) return refuse(all.error());
  std::vector<vault::Case> cases = select(std::move(*all), options);
  if (options.group) {
    auto groups = groups_of(cases);
    if (options.limit != 0 && groups.size() > options.limit) groups.resize(options.limit);
    return print(options.json ? groups_json(groups) : groups_text(groups));
  }
  if (options.limit != 0 && cases.size() > options.limit) cases.resize(options.limit);
  return print(options.json ? list_json(cases) : list_text(cases));
}

}  // namespace

void add_ls(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand("ls", "List the crashes in the vault, newest first");
  add_vault_option(*command, options->vault);
  command
      ->add_option("--signature", options->signature,
                   "only those of this signature: how its id begins, or words of its title")
      ->type_name("S");
  command->add_option("--exe", options->executable, "only those of this program: path or name")
      ->type_name("NAME");
  command
      ->add_option(
          "--since", options->since,
          "only those after this: 90s, 15m, 2h, 3d, 1w ago, or a date \"2026-11-29 14:03\"")
      ->type_name("WHEN")
      ->check([](const std::string& text) {
        return parse_since(text, now_ns()) ? std::string() : text + " is no time";
      });
  command->add_option("--limit", options->limit, "at most so many")->type_name("N");
  command->add_flag("--group", options->group, "one line a signature, with counts");
  command->add_flag("--json", options->json, "print them as JSON");
  command->callback([options, &chosen] { chosen = [options] { return list(*options); }; });
}

}  // namespace inquest::cli
