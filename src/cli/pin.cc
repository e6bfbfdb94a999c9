#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"

namespace inquest::cli {
namespace {

struct Options {
  std::string vault;
  std::vector<std::string> ids;
  bool json = false;
};

using Change = Status (*)(vault::Vault& vault, const vault::CaseId& id);

// Changes each of the cases; those that cannot be changed are said.
int change_all(const Options& options, Change change) {
  auto vault = open_vault(options.vault, Access::kChange);
  if (!vault.ok()) return refuse(vault.error());
  int code = kExitOk;
  json::JsonWriter json;
  json.begin_object().key("changed").begin_array();
  for (const std::string& id : options.ids) {
    const auto found = vault->find(id);
    const Status changed = found.ok() ? change(*vault, found->id) : Status(found.error());
    if (!changed.ok()) {
      code = refuse(changed.error());
    } else {
      json.value(found->id);
    }
  }
  json.end_array().end_object();
  if (!options.json) return code;
  const int printed = print(std::move(json).take());
  return code != kExitOk ? code : printed;
}

void add_change(CLI::App& app, std::function<int()>& chosen, const char* name, const char* what,
                Change change) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand(name, what);
  command->add_option("ID", options->ids, "cases, or how their ids begin")->required();
  add_vault_option(*command, options->vault);
  command->add_flag("--json", options->json, "print the ids of those that were changed as JSON");
  command->callback([options, &chosen, change] {
    chosen = [options, change] { return change_all(*options, change); };
  });
}

}  // namespace

void add_pin(CLI::App& app, std::function<int()>& chosen) {
  add_change(app, chosen, "pin", "Keep the evidence of a crash whatever comes",
             [](vault::Vault& vault, const vault::CaseId& id) { return vault.pin(id, true); });
}

void add_unpin(CLI::App& app, std::function<int()>& chosen) {
  add_change(app, chosen, "unpin", "Let the evidence of a crash go when room is needed",
             [](vault::Vault& vault, const vault::CaseId& id) { return vault.pin(id, false); });
}

void add_rm(CLI::App& app, std::function<int()>& chosen) {
  add_change(app, chosen, "rm", "Remove crashes from the vault (inquest gc frees the room)",
             [](vault::Vault& vault, const vault::CaseId& id) { return vault.remove(id); });
}

}  // namespace inquest::cli
