#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "platform/term/table.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

constexpr size_t kGroupsShown = 10;

struct Options {
  std::string vault;
  bool json = false;
};

struct Group {
  std::string name, title;
  uint64_t cases = 0, stored = 0;
};

std::vector<Group> groups_of(const std::vector<vault::Case>& cases) {
  std::map<std::string, Group> groups;
  for (const vault::Case& one : cases) {
    Group& group = groups[group_of(one.header)];
    group.name = group_of(one.header);
    if (!one.header.title.empty()) group.title = one.header.title;
    ++group.cases;
    for (const vault::Attachment& part : one.attachments) {
      if (part.kept) group.stored += part.stored;
    }
  }
  std::vector<Group> sorted;
  for (auto& [name, group] : groups) sorted.push_back(std::move(group));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Group& a, const Group& b) { return a.cases > b.cases; });
  return sorted;
}

std::string stats_json(const std::string& directory, const vault::Stats& stats,
                       const std::vector<Group>& groups) {
  json::JsonWriter json;
  json.begin_object()
      .field("schema", "inquest-vault-stats")
      .field("schema_version", 1)
      .field("vault", directory)
      .field("cases", stats.cases)
      .field("with_evidence", stats.with_evidence)
      .field("pinned", stats.pinned)
      .field("logical_bytes", stats.size)
      .field("data_bytes", stats.data)
      .field("stored_bytes", stats.stored)
      .field("index_bytes", stats.index_bytes)
      .field("packs", stats.packs)
      .field("evicted", stats.evicted)
      .field("refused", stats.refused)
      .field("quota_bytes", stats.quota)
      .field("free_bytes", stats.free)
      .field("counted", stats.counted)
      .field("lost", stats.lost);
  json.key("signatures").begin_array();
  for (const Group& group : groups) {
    json.begin_object()
        .field("group", group.name)
        .field("title", group.title)
        .field("cases", group.cases)
        .field("stored_bytes", group.stored)
        .end_object();
  }
  json.end_array().key("tallies").begin_array();
  for (const vault::Tally& tally : stats.tallies) {
    json.begin_object()
        .field("group", tally.group)
        .field("counted", tally.counted)
        .field("lost", tally.lost)
        .field("first_ns", tally.first_ns)
        .field("last_ns", tally.last_ns)
        .end_object();
  }
  json.end_array().key("damage").begin_array();
  for (const std::string& damage : stats.damage) json.value(damage);
  json.end_array().end_object();
  return std::move(json).take();
}

std::string stats_text(const std::string& directory, const vault::Stats& stats,
                       const std::vector<Group>& groups) {
  std::string text = fmt::format("{}\n\n", directory);
  text += fmt::format("crashes     {}, {} with evidence, {} pinned\n", stats.cases,
                      stats.with_evidence, stats.pinned);
  text += fmt::format("only counted {}, lost for lack of room {}\n", stats.counted, stats.lost);
  text += fmt::format("evidence    {} ({} outside holes), stored in {} ({} packs)\n",
                      size_text(stats.size), size_text(stats.data), size_text(stats.stored),
                      stats.packs);
  text += fmt::format("index       {}\n", size_text(stats.index_bytes));
  text += fmt::format("quota       {}, of which {} may still be taken\n", size_text(stats.quota),
                      size_text(stats.free));
  text +=
      fmt::format("given up    {} pieces of evidence, {} refused\n", stats.evicted, stats.refused);
  for (const std::string& damage : stats.damage) text += "DAMAGE      " + damage + "\n";
  if (groups.empty()) return text;
  using enum term::Align;
  term::Table table({kRight, kRight, kLeft});
  table.add_row({"CRASHES", "STORED", "SIGNATURE"});
  for (size_t i = 0; i < std::min(groups.size(), kGroupsShown); ++i) {
    const Group& group = groups[i];
    table.add_row(
        {std::to_string(group.cases), size_text(group.stored),
         term::printable(group.title.empty() ? group.name : group.name + "  " + group.title)});
  }
  text += "\n" + table.render();
  if (groups.size() > kGroupsShown) {
    text += fmt::format("and {} more: inquest ls --group\n", groups.size() - kGroupsShown);
  }
  return text;
}

int show_stats(const Options& options) {
  auto vault = open_vault(options.vault, Access::kRead);
  if (!vault.ok()) return refuse(vault.error());
  const auto stats = vault->stats();
  if (!stats.ok()) return refuse(stats.error());
  const auto cases = vault->list();
  if (!cases.ok()) return refuse(cases.error());
  const std::vector<Group> groups = groups_of(*cases);
  return print(options.json ? stats_json(options.vault, *stats, groups)
                            : stats_text(options.vault, *stats, groups));
}

}  // namespace

void add_stats(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command =
      app.add_subcommand("stats", "Say what the vault holds, what it takes, and what was lost");
  add_vault_option(*command, options->vault);
  command->add_flag("--json", options->json, "print it as JSON");
  command->callback([options, &chosen] { chosen = [options] { return show_stats(*options); }; });
}

}  // namespace inquest::cli
