#include "capture/record/circumstances.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/scrub.h"

namespace inquest::capture {
namespace {

constexpr size_t kMaxMaps = 32 << 20, kMaxText = 64 << 10, kMaxEnvironment = 256 << 10;
constexpr size_t kMaxFiles = 256;

std::string read_or_empty(const Proc& process, const std::string& name, size_t max) {
  auto text = process.read(name, max);
  return text.ok() ? std::move(*text) : std::string();
}

// Fields 50 and 51 of stat, as man 5 proc numbers them.
void read_environment_place(std::string_view stat, Circumstances& circumstances) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return;
  stat.remove_prefix(name_end + 1);
  int field = 2;
  while (!stat.empty()) {
    stat.remove_prefix(std::min(stat.find_first_not_of(" \n"), stat.size()));
    const size_t end = std::min(stat.find(' '), stat.size());
    ++field;
    uint64_t value = 0;
    std::from_chars(stat.data(), stat.data() + end, value);
    if (field == 50) circumstances.environment_start = value;
    if (field == 51) circumstances.environment_end = value;
    stat.remove_prefix(end);
  }
}

}  // namespace

Result<Circumstances> read_essentials(const Proc& process) {
  Circumstances result;
  INQ_TRY(result.maps, process.read("maps", kMaxMaps));
  INQ_TRY(const std::string status, process.read("status", kMaxText));
  result.status = parse_status(status);
  result.auxv = read_or_empty(process, "auxv", 4096);
  const std::string stat = read_or_empty(process, "stat", 4096);
  if (const auto parsed = parse_stat(stat)) result.stat = *parsed;
  read_environment_place(stat, result);
  const std::string filter = read_or_empty(process, "coredump_filter", 64);
  result.filter = kDefaultFilter;
  std::from_chars(filter.data(), filter.data() + filter.size(), result.filter, 16);
  return result;
}

void read_the_rest(const Proc& process, Circumstances& circumstances) {
  circumstances.command_line = read_or_empty(process, "cmdline", kMaxText);
  circumstances.environment = read_or_empty(process, "environ", kMaxEnvironment);
  circumstances.limits = read_or_empty(process, "limits", kMaxText);
  circumstances.cgroup = read_or_empty(process, "cgroup", kMaxText);
  circumstances.executable = process.link("exe");
  circumstances.directory = process.link("cwd");
  for (const int fd : process.numbers_in("fd", kMaxFiles, &circumstances.more_files)) {
    circumstances.files.emplace_back(fd, process.link(fmt::format("fd/{}", fd)));
  }
  timespec now = {};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const int64_t ticks = std::max<int64_t>(::sysconf(_SC_CLK_TCK), 1);
  const auto started = static_cast<int64_t>(circumstances.stat.start_ticks) * 1000 / ticks;
  const int64_t uptime = now.tv_sec * 1000 + now.tv_nsec / 1'000'000 - started;
  if (circumstances.stat.start_ticks != 0) circumstances.uptime_ms = std::max<int64_t>(uptime, 0);
}

std::map<uint64_t, uint64_t> parse_auxv(std::string_view text) {
  std::map<uint64_t, uint64_t> auxv;
  const ByteView bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  for (uint64_t at = 0; at + 16 <= bytes.size(); at += 16) {
    const uint64_t type = *load<uint64_t>(bytes, at);
    if (type == 0) break;
    auxv.emplace(type, *load<uint64_t>(bytes, at + 8));
  }
  return auxv;
}

size_t scrub_environment_in(PageStore& pages, const Circumstances& circumstances) {
  size_t count = 0;
  const std::string_view all = circumstances.environment;
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find('\0', at), all.size());
    const std::string_view entry = all.substr(at, end - at);
    const size_t equals = entry.find('=');
    const bool is_secret = equals != std::string_view::npos && scrub_variable(entry) != entry &&
                           circumstances.environment_start + end <= circumstances.environment_end;
    if (is_secret) {
      ++count;
      for (size_t i = at + equals + 1; i < end; ++i) {
        pages.overwrite(Address(circumstances.environment_start + i), '*');
      }
    }
    at = end + 1;
  }
  return count;
}

}  // namespace inquest::capture
