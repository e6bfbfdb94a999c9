// What the commands of the vault have in common: where it is, and how cases look.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/json/writer.h"
#include "vault/vault.h"

namespace CLI {
class App;
}

namespace inquest::cli {

// --vault DIR; `directory` is given its default.
void add_vault_option(CLI::App& command, std::string& directory);

enum class Access : uint8_t {
  kRead,    // never written; a vault that is not there is an error
  kChange,  // likewise, but may be written
  kCreate,  // made when it is not there
};
Result<vault::Vault> open_vault(const std::string& directory, Access access);
// For looking at evidence, which is held by a lease meanwhile: that needs a vault that may be
// written. One that may not is read without.
Result<vault::Vault> open_vault_to_look(const std::string& directory);

// The members of a case, in an object that is open: docs/formats/vault.md.
void write_case(json::JsonWriter& json, const vault::Case& one);

// Enough of an id to tell it from all others, for people.
std::string short_id(const vault::CaseId& id);
std::string signal_text(int signal);               // "SIGSEGV", "signal 99", "" for 0
std::string local_time(int64_t time_ns);           // "2026-11-29 14:03:22", "unknown" for 0
std::string utc_time(int64_t time_ns);             // "2026-11-29T13:03:22Z"
std::string size_text(uint64_t bytes);             // "1.5 GiB"
std::string duration_text(uint64_t milliseconds);  // "3 h 12 min"
// Nanoseconds since the epoch: "2h", "3d" before now, or a date "2026-11-29[ 14:03[:22]]".
std::optional<int64_t> parse_since(const std::string& text, int64_t now_ns);
int64_t now_ns();

}  // namespace inquest::cli
