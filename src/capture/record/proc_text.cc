#include "capture/record/proc_text.h"

#include <algorithm>

#include "base/words.h"

namespace inquest::capture {
namespace {

constexpr size_t kMaxPath = 4096 + 16;  // with " (deleted)"

// "7f0000001000-7f0000002000"
std::optional<AddressRange> parse_range(std::string_view word) {
  const size_t dash = word.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto start = number<uint64_t>(word.substr(0, dash), 16);
  const auto end = number<uint64_t>(word.substr(dash + 1), 16);
  if (!start || !end || *start >= *end) return std::nullopt;
  return AddressRange{Address(*start), Address(*end)};
}

std::optional<LiveMapping> parse_line(std::string_view line) {
  const auto range = parse_range(take_word(line));
  const std::string_view access = take_word(line);
  const auto offset = number<uint64_t>(take_word(line), 16);
  const std::string_view device = take_word(line);
  const auto inode = number<uint64_t>(take_word(line), 10);
  if (!range || access.size() < 4 || !offset || !inode) return std::nullopt;
  LiveMapping mapping;
  mapping.range = *range;
  mapping.read = access[0] == 'r';
  mapping.write = access[1] == 'w';
  mapping.execute = access[2] == 'x';
  mapping.shared = access[3] == 's';
  mapping.file_offset = *offset;
  const size_t colon = std::min(device.find(':'), device.size());
  mapping.device_major = number<uint32_t>(device.substr(0, colon), 16).value_or(0);
  mapping.device_minor =
      number<uint32_t>(device.substr(std::min(colon + 1, device.size())), 16).value_or(0);
  mapping.inode = *inode;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  mapping.path = line.substr(0, kMaxPath);
  return mapping;
}

int32_t last_number(std::string_view word, std::string_view rest) {
  for (auto next = take_word(rest); !next.empty(); next = take_word(rest)) word = next;
  return number<int32_t>(word).value_or(0);
}

}  // namespace

std::vector<LiveMapping> parse_maps(std::string_view text) {
  std::vector<LiveMapping> mappings;
  while (!text.empty() && mappings.size() < kMaxMappings) {
    auto mapping = parse_line(take_line(text));
    if (!mapping) continue;
    if (!mappings.empty() && mapping->range.start < mappings.back().range.end) continue;
    mappings.push_back(std::move(*mapping));
  }
  return mappings;
}

const LiveMapping* find_mapping(const std::vector<LiveMapping>& mappings, Address address) {
  const auto after =
      std::upper_bound(mappings.begin(), mappings.end(), address,
                       [](Address a, const LiveMapping& m) { return a < m.range.start; });
  if (after == mappings.begin()) return nullptr;
  const LiveMapping& candidate = *std::prev(after);
  return candidate.range.contains(address) ? &candidate : nullptr;
}

std::map<uint64_t, MappingFlags> parse_smaps_flags(std::string_view text) {
  std::map<uint64_t, MappingFlags> flags;
  std::optional<AddressRange> current;
  while (!text.empty() && flags.size() < kMaxMappings) {
    std::string_view line = take_line(text);
    const std::string_view word = take_word(line);
    if (word != "VmFlags:") {
      // Keys begin with a capital letter, ranges with a hexadecimal digit in lower case.
      const bool is_range = !word.empty() && (word[0] < 'A' || word[0] > 'Z');
      if (is_range) current = parse_range(word);
      continue;
    }
    if (!current) continue;
    MappingFlags& entry = flags[current->start.value];
    while (!line.empty()) {
      const std::string_view flag = take_word(line);
      entry.dont_dump = entry.dont_dump || flag == "dd";
      entry.device = entry.device || flag == "io" || flag == "pf";
      entry.not_inherited = entry.not_inherited || flag == "dc" || flag == "wf";
      entry.huge_pages = entry.huge_pages || flag == "ht";
    }
    current.reset();
  }
  return flags;
}

ProcessStatus parse_status(std::string_view text) {
  ProcessStatus status;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const size_t colon = std::min(line.find(':'), line.size());
    const std::string_view key = line.substr(0, colon);
    line.remove_prefix(std::min(colon + 1, line.size()));
    if (key == "Name") {
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      status.name = line.substr(0, 64);
      continue;
    }
    const std::string_view word = take_word(line);
    if (key == "State" && !word.empty()) status.state = word[0];
    if (key == "Tgid") status.thread_group = number<int32_t>(word, 10).value_or(0);
    if (key == "PPid") status.parent = number<int32_t>(word, 10).value_or(0);
    if (key == "Uid") {
      status.real_uid = number<uint32_t>(word, 10);
      status.uid = number<uint32_t>(take_word(line), 10);
    }
    if (key == "Gid") {
      status.real_gid = number<uint32_t>(word, 10);
      status.gid = number<uint32_t>(take_word(line), 10);
    }
    if (key == "SigBlk") status.blocked = number<uint64_t>(word, 16).value_or(0);
    if (key == "SigIgn") status.ignored = number<uint64_t>(word, 16).value_or(0);
    if (key == "SigCgt") status.caught = number<uint64_t>(word, 16).value_or(0);
    if (key == "Seccomp") status.seccomp = number<int>(word, 10).value_or(0);
    if (key == "CapEff") status.capabilities = number<uint64_t>(word, 16).value_or(0);
    if (key == "TracerPid") status.tracer = number<int32_t>(word, 10).value_or(0);
    if (key == "NSpid") status.innermost_pid = last_number(word, line);
    if (key == "CoreDumping") status.dumps_core = word == "1";
    if (key == "VmSize") status.mapped_kib = number<uint64_t>(word, 10).value_or(0);
    if (key == "RssAnon") status.anonymous_kib = number<uint64_t>(word, 10).value_or(0);
    if (key == "VmRSS") status.resident_kib = number<uint64_t>(word, 10).value_or(0);
    if (key == "Threads") status.threads = number<uint32_t>(word, 10).value_or(0);
  }
  return status;
}

std::optional<ProcessStat> parse_stat(std::string_view text) {
  const size_t name_end = text.rfind(')');  // the name may hold anything, also parentheses
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  take_word(text);  // state
  const auto parent = number<int32_t>(take_word(text), 10);
  const auto group = number<int32_t>(take_word(text), 10);
  const auto session = number<int32_t>(take_word(text), 10);
  constexpr int kBetween = 15;  // fields 7 to 21
  for (int i = 0; i < kBetween; ++i) take_word(text);
  const auto start = number<uint64_t>(take_word(text), 10);
  if (!parent || !group || !session || !start) return std::nullopt;
  return ProcessStat{*parent, *group, *session, *start};
}

}  // namespace inquest::capture
