#include "capture/doctor/settings.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/words.h"
#include "platform/os/file.h"

namespace inquest::doctor {
namespace {

constexpr uint64_t kMaxFile = 1 << 20;  // bytes
constexpr size_t kMaxDropIns = 256;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// A line and those that continue it behind a backslash.
std::string next_line(std::string_view& text) {
  std::string line;
  while (!text.empty()) {
    std::string_view part = trim(take_line(text));
    if (!line.empty() && (part.starts_with('#') || part.starts_with(';'))) continue;
    const bool goes_on = part.ends_with('\\');
    if (goes_on) part.remove_suffix(1);
    line += part;
    if (!goes_on) break;
    line += ' ';
  }
  return line;
}

std::vector<std::string> conf_files(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory.c_str()), closedir);
  if (open == nullptr) return names;
  while (const dirent* entry = readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name.ends_with(".conf") && names.size() < kMaxDropIns) names.push_back(name);
  }
  return names;
}

}  // namespace

void Settings::read(std::string_view text, const std::string& source) {
  sources_.push_back(source);
  std::string section;
  while (!text.empty()) {
    const std::string line = next_line(text);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      section = line.substr(1, line.size() - 2);
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::pair key(section, std::string(trim(std::string_view(line).substr(0, equals))));
    const std::string_view value = trim(std::string_view(line).substr(equals + 1));
    if (value.empty()) {
      values_.erase(key);
    } else {
      values_[key] = {std::string(value), source};
    }
  }
}

const Settings::Value* Settings::find(std::string_view section, std::string_view key) const {
  const auto found = values_.find(std::pair(std::string(section), std::string(key)));
  return found == values_.end() ? nullptr : &found->second;
}

Settings read_settings(const std::string& root, const std::vector<std::string>& directories,
                       const std::vector<std::string>& names) {
  Settings settings;
  for (const std::string& directory : directories) {
    const std::string path = directory + "/" + names.front();
    const auto text = os::read_text_file(root + path, kMaxFile);
    if (!text.ok()) continue;
    settings.read(*text, path);
    break;
  }
  std::map<std::string, std::string> drop_ins;  // by file name
  for (const std::string& directory : directories) {
    for (const std::string& name : names) {
      const std::string folder = fmt::format("{}/{}.d", directory, name);
      for (const std::string& file : conf_files(root + folder))
        drop_ins.try_emplace(file, fmt::format("{}/{}", folder, file));
    }
  }
  for (const auto& [name, path] : drop_ins) {
    const auto text = os::read_text_file(root + path, kMaxFile);
    if (text.ok()) settings.read(*text, path);
  }
  return settings;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  text = trim(text);
  if (text == "infinity") return kInfinity;
  const auto number = take_number<double>(text);
  if (!number || *number < 0) return std::nullopt;
  text = trim(text);
  if (text.ends_with('B')) text.remove_suffix(1);
  constexpr std::string_view kUnits = "KMGTPE";
  double size = *number;
  if (!text.empty()) {
    const size_t unit = kUnits.find(text.front());
    if (unit == std::string_view::npos || text.size() > 1) return std::nullopt;
    for (size_t i = 0; i <= unit; ++i) size *= 1024;
  }
  return size >= 1.8e19 ? kInfinity : static_cast<uint64_t>(size);
}

std::optional<uint64_t> parse_span(std::string_view text) {
  constexpr uint64_t kSecond = 1'000'000;
  struct Unit {
    std::string_view name;
    uint64_t microseconds;
  };
  constexpr std::array<Unit, 17> kUnits = {{{"us", 1},
                                            {"usec", 1},
                                            {"ms", 1'000},
                                            {"msec", 1'000},
                                            {"s", kSecond},
                                            {"sec", kSecond},
                                            {"second", kSecond},
                                            {"seconds", kSecond},
                                            {"", kSecond},
                                            {"m", 60 * kSecond},
                                            {"min", 60 * kSecond},
                                            {"minute", 60 * kSecond},
                                            {"minutes", 60 * kSecond},
                                            {"h", 3600 * kSecond},
                                            {"hr", 3600 * kSecond},
                                            {"d", 86400 * kSecond},
                                            {"w", 604800 * kSecond}}};
  text = trim(text);
  if (text == "infinity") return kInfinity;
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const auto number = take_number<double>(text);
    if (!number || *number < 0) return std::nullopt;
    text = trim(text);
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const std::string_view name = text.substr(0, letters);
    const auto unit = std::ranges::find(kUnits, name, &Unit::name);
    if (unit == kUnits.end()) return std::nullopt;
    total += *number * static_cast<double>(unit->microseconds);
    text = trim(text.substr(letters));
  }
  return total >= 1.8e19 ? kInfinity : static_cast<uint64_t>(total);
}

std::optional<bool> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"1", "yes", "true", "on", "y", "t"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "no", "false", "off", "n", "f"})
    if (text == no) return false;
  return std::nullopt;
}

}  // namespace inquest::doctor
