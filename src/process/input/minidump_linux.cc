#include "process/input/minidump_linux.h"

#include <algorithm>
#include <string_view>

#include "base/cursor.h"
#include "base/utf8.h"
#include "base/words.h"

namespace inquest::process {
namespace {

constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxName = 64;
constexpr uint64_t kMaxAuxv = 256;

std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "7f0000001000-7f0000002000 r-xp 00001000 08:01 1234   /usr/lib/libc.so.6"
std::optional<Mapping> read_line(std::string_view line) {
  const std::string_view range = take_word(line);
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto start = number<uint64_t>(range.substr(0, dash), 16);
  const auto end = number<uint64_t>(range.substr(dash + 1), 16);
  const std::string_view access = take_word(line);
  const auto offset = number<uint64_t>(take_word(line), 16);
  take_word(line);  // device
  take_word(line);  // inode
  if (!start || !end || *start >= *end || access.size() < 3 || !offset) return std::nullopt;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  Mapping mapping;
  mapping.range = {Address(*start), Address(*end)};
  mapping.protection = Protection{access[0] == 'r', access[1] == 'w', access[2] == 'x'};
  mapping.path = line.substr(0, kMaxPath);
  mapping.file_offset = *offset;
  return mapping;
}

}  // namespace

std::vector<Mapping> read_proc_maps(ByteView bytes, size_t* unreadable) {
  std::vector<Mapping> mappings;
  std::string_view text = text_of(bytes);
  while (!text.empty() && mappings.size() < kMaxMapsLines) {
    const std::string_view line = take_line(text);
    if (line.empty() || line.front() == '\0') continue;  // some writers pad with zeros
    if (auto mapping = read_line(line)) {
      mappings.push_back(std::move(*mapping));
    } else {
      ++*unreadable;
    }
  }
  std::sort(mappings.begin(), mappings.end(), [](const Mapping& a, const Mapping& b) {
    return a.range.start < b.range.start ||
           (a.range.start == b.range.start && a.range.end < b.range.end);
  });
  Address floor;
  std::erase_if(mappings, [&](Mapping& mapping) {
    if (mapping.range.end <= floor) return true;
    if (mapping.range.start < floor) {
      mapping.file_offset += floor - mapping.range.start;
      mapping.range.start = floor;
    }
    floor = mapping.range.end;
    return false;
  });
  return mappings;
}

ProcStatus read_proc_status(ByteView bytes) {
  ProcStatus status;
  std::string_view text = text_of(bytes);
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    line.remove_prefix(colon + 1);
    if (key == "Name") {
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      status.name = repair_utf8(line.substr(0, kMaxName));
    }
    if (key == "Tgid") status.pid = number<int32_t>(take_word(line), 10);
    if (key == "Pid") status.tid = number<int32_t>(take_word(line), 10);
    if (key == "Uid") status.uid = number<uint32_t>(take_word(line), 10);
    if (key == "Gid") status.gid = number<uint32_t>(take_word(line), 10);
  }
  return status;
}

std::string read_command_line(ByteView bytes, size_t max) {
  std::string words(text_of(bytes.first(std::min(bytes.size(), max))));
  while (!words.empty() && words.back() == '\0') words.pop_back();
  std::replace(words.begin(), words.end(), '\0', ' ');
  return repair_utf8(words);
}

std::string read_distribution(ByteView bytes) {
  std::string_view text = text_of(bytes);
  while (!text.empty()) {
    std::string_view line = take_line(text);
    for (const std::string_view key : {"DISTRIB_DESCRIPTION=", "PRETTY_NAME="}) {
      if (!line.starts_with(key)) continue;
      line.remove_prefix(key.size());
      if (line.size() >= 2 && line.front() == '"' && line.back() == '"') {
        line = line.substr(1, line.size() - 2);
      }
      return repair_utf8(line.substr(0, kMaxName));
    }
  }
  return {};
}

std::map<uint64_t, uint64_t> read_auxv(ByteView bytes) {
  std::map<uint64_t, uint64_t> auxv;
  Cursor cursor(bytes);
  for (uint64_t i = 0; i < kMaxAuxv; ++i) {
    const uint64_t type = cursor.u64();
    const uint64_t value = cursor.u64();
    if (!cursor.ok() || type == 0) break;
    auxv.emplace(type, value);
  }
  return auxv;
}

}  // namespace inquest::process
