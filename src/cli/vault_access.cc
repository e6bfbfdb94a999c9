#include "cli/vault_access.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>

namespace inquest::cli {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kShownDigits = 12;

std::string time_text(int64_t time_ns, bool utc) {
  const auto seconds = static_cast<time_t>(time_ns / kSecond);
  std::tm parts = {};
  if ((utc ? ::gmtime_r(&seconds, &parts) : ::localtime_r(&seconds, &parts)) == nullptr) return "";
  std::array<char, 64> text{};
  const char* format = utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S";
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

}  // namespace

void add_vault_option(CLI::App& command, std::string& directory) {
  directory = vault::default_directory();
  command.add_option("--vault", directory, "the vault, instead of the usual one")->type_name("DIR");
}

Result<vault::Vault> open_vault(const std::string& directory, Access access) {
  INQ_TRY(const uint64_t quota, vault::quota_of_environment());
  return vault::Vault::open(
      directory,
      {.create = access == Access::kCreate, .read_only = access == Access::kRead, .quota = quota});
}

Result<vault::Vault> open_vault_to_look(const std::string& directory) {
  auto vault = open_vault(directory, Access::kChange);
  return vault.ok() ? std::move(vault) : open_vault(directory, Access::kRead);
}

void write_case(json::JsonWriter& json, const vault::Case& one) {
  json.field("id", one.id).field("state", to_string(one.state)).field("pinned", one.pinned);
  json.field("kept", to_string(one.kept_fidelity()));
  if (one.header.time_ns != 0) json.field("time", utc_time(one.header.time_ns));
  if (one.header.signal != 0) json.field("signal_name", signal_text(one.header.signal));
  write_header_fields(json, one.header);
  json.key("reasons").begin_array();
  for (const std::string& reason : one.reasons()) json.value(reason);
  json.end_array();
  json.key("attachments").begin_array();
  for (const vault::Attachment& attachment : one.attachments) write_attachment(json, attachment);
  json.end_array();
}

std::string short_id(const vault::CaseId& id) { return id.substr(0, kShownDigits); }

std::string signal_text(int signal) {
  if (signal == 0) return "";
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

std::string local_time(int64_t time_ns) {
  return time_ns == 0 ? "unknown" : time_text(time_ns, false);
}

std::string utc_time(int64_t time_ns) { return time_text(time_ns, true); }

std::string size_text(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string duration_text(uint64_t milliseconds) {
  const uint64_t seconds = milliseconds / 1000;
  if (seconds < 60) return fmt::format("{}.{:03} s", seconds, milliseconds % 1000);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::optional<int64_t> parse_since(const std::string& text, int64_t now) {
  int64_t count = 0;
  const char* end_of_text = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), end_of_text, count);
  if (failure == std::errc() && end + 1 == end_of_text && count >= 0 && count < 1'000'000) {
    switch (*end) {
      case 's':
        return now - count * kSecond;
      case 'm':
        return now - count * 60 * kSecond;
      case 'h':
        return now - count * 3600 * kSecond;
      case 'd':
        return now - count * 86'400 * kSecond;
      case 'w':
        return now - count * 604'800 * kSecond;
      default:
        return std::nullopt;
    }
  }
  for (const char* format :
       {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm parts = {};
    parts.tm_isdst = -1;
    const char* rest = ::strptime(text.c_str(), format, &parts);
    if (rest == nullptr || *rest != '\0') continue;
    const time_t seconds = ::mktime(&parts);
    if (seconds != -1) return int64_t{seconds} * kSecond;
  }
  return std::nullopt;
}

int64_t now_ns() {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * kSecond + now.tv_nsec;
}

}  // namespace inquest::cli
