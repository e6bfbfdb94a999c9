#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"

namespace inquest::cli {
namespace {

struct Options {
  std::string vault, quota, max_age;
  bool json = false;
};

int collect(const Options& options) {
  const auto quota =
      options.quota.empty() ? vault::quota_of_environment() : vault::parse_size(options.quota);
  if (!quota.ok()) return refuse(quota.error());
  auto vault = vault::Vault::open(options.vault, {.create = false, .quota = *quota});
  if (!vault.ok()) return refuse(vault.error());
  const auto before =
      options.max_age.empty() ? std::nullopt : parse_since(options.max_age, now_ns());
  const auto freed = vault->collect_garbage(before);
  if (!freed.ok()) return refuse(freed.error());
  if (options.json) {
    json::JsonWriter json;
    json.begin_object()
        .field("freed_bytes", freed->bytes)
        .field("evicted", freed->evicted)
        .field("packs_removed", freed->packs_removed)
        .field("packs_rewritten", freed->packs_rewritten)
        .field("packs_in_use", freed->packs_in_use)
        .field("busy", freed->busy)
        .end_object();
    return print(std::move(json).take());
  }
  if (freed->busy) {
    return print("another process is freeing room just now: nothing was done\n");
  }
  std::string text = fmt::format("{} freed\n", size_text(freed->bytes));
  if (freed->evicted > 0) {
    text += fmt::format("{} pieces of evidence were given up\n", freed->evicted);
  }
  if (freed->packs_in_use > 0)
    text += "evidence that is being written keeps some: try again later\n";
  return print(text);
}

}  // namespace

void add_gc(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command =
      app.add_subcommand("gc", "Free what nothing in the vault needs, and get down to its quota");
  add_vault_option(*command, options->vault);
  command->add_option("--quota", options->quota, "this quota: 500M, 2G")
      ->type_name("SIZE")
      ->check([](const std::string& text) {
        return vault::parse_size(text) != 0 ? std::string() : text + " is no size";
      });
  command
      ->add_option("--max-age", options->max_age,
                   "give up full memory of older crashes: 30d, 1w, or of before a date")
      ->type_name("AGE")
      ->check([](const std::string& text) {
        return parse_since(text, now_ns()) ? std::string() : text + " is no age";
      });
  command->add_flag("--json", options->json, "print what was freed as JSON");
  command->callback([options, &chosen] { chosen = [options] { return collect(*options); }; });
}

}  // namespace inquest::cli
