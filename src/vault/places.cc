// Where the vault is, and how large it may be, when nobody says.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "platform/os/directories.h"
#include "vault/vault.h"

namespace inquest::vault {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

std::string default_directory() {
  if (const std::string_view named = environment("INQUEST_VAULT"); !named.empty()) {
    return std::string(named);
  }
  if (::geteuid() == 0) return "/var/lib/inquest/vault";
  const std::string_view state = environment("XDG_STATE_HOME");
  if (state.starts_with('/')) return std::string(state) + "/inquest/vault";
  const std::string home = os::home_directory();
  return home.empty() ? "" : home + "/.local/state/inquest/vault";
}

uint64_t parse_size(std::string_view text) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc()) return 0;
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const std::string_view ending : {"iB", "B"}) {
    if (unit.size() == 1 + ending.size() && unit.ends_with(ending)) unit = unit.substr(0, 1);
  }
  unsigned shift = 0;
  if (unit == "K") shift = 10;
  if (unit == "M") shift = 20;
  if (unit == "G") shift = 30;
  if (unit == "T") shift = 40;
  if (shift == 0 && !unit.empty()) return 0;
  return number > (UINT64_MAX >> shift) ? 0 : number << shift;
}

Result<uint64_t> quota_of_environment() {
  const std::string_view text = environment("INQUEST_VAULT_QUOTA");
  if (text.empty()) return uint64_t{0};
  if (const uint64_t size = parse_size(text); size != 0) return size;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("INQUEST_VAULT_QUOTA={} is no size: 500M, 2G", text));
}

}  // namespace inquest::vault
