#include "diagnosis/facts/source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace inquest::diagnosis {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 42> kSourceExtensions = {
    ".adb", ".asm", ".c",  ".c++",   ".cc",  ".cpp", ".cs",   ".cu",  ".cxx", ".d",   ".f",
    ".f90", ".go",  ".h",  ".h++",   ".hh",  ".hpp", ".hxx",  ".inc", ".inl", ".ipp", ".java",
    ".js",  ".kt",  ".l",  ".lua",   ".m",   ".mjs", ".mm",   ".nim", ".py",  ".pyx", ".rb",
    ".rs",  ".s",   ".sx", ".swift", ".tcc", ".ts",  ".vala", ".y",   ".zig"};

// Which file is shown is said by the debug information of a program that may be somebody else's: it
// must not bring a key or /etc/shadow into a report. What all may read is no secret; of the rest
// only what is source by its name, and nothing of what only root may read.
bool may_be_shown(const fs::path& path, fs::perms permissions) {
  if ((permissions & fs::perms::others_read) != fs::perms::none) return true;
  std::error_code error;
  std::string extension = fs::canonical(path, error).extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  return !error && ::geteuid() != 0 &&
         std::ranges::find(kSourceExtensions, extension) != kSourceExtensions.end();
}

bool is_readable_source(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error || !fs::is_regular_file(status) || !may_be_shown(path, status.permissions()))
    return false;
  const auto size = fs::file_size(path, error);
  return !error && size <= kMaxSourceFile;
}

// A recorded name that climbs ("../../etc/passwd") is not followed below the base directory.
bool climbs(const fs::path& path) {
  return std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

std::optional<fs::path> find_source(const std::string& file, const std::string& base_directory) {
  const fs::path recorded(file);
  if (recorded.is_absolute() && is_readable_source(recorded)) return recorded;
  const fs::path base = base_directory.empty() ? fs::path(".") : fs::path(base_directory);
  fs::path rest = recorded.lexically_normal().relative_path();
  while (!rest.empty()) {
    if (!climbs(rest) && is_readable_source(base / rest)) return base / rest;
    fs::path shorter;
    for (auto part = std::next(rest.begin()); part != rest.end(); ++part) shorter /= *part;
    rest = shorter;
  }
  return std::nullopt;
}

bool is_newer(const fs::path& file, const fs::path& than) {
  std::error_code error;
  const auto changed = fs::last_write_time(file, error);
  if (error) return false;
  const auto built = fs::last_write_time(than, error);
  return !error && changed > built;
}

// Text for a terminal: tabs become spaces, other control characters are shown as '?'.
std::string printable(std::string line) {
  if (line.size() > kMaxSourceLine) line.resize(kMaxSourceLine);
  std::string out;
  for (const char c : line) {
    if (c == '\t') {
      out.append("    ");
    } else {
      out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> source_excerpt(const std::string& file, uint32_t line,
                                        const std::string& base_directory,
                                        const std::string& binary) {
  if (file.empty() || line == 0) return {};
  const auto path = find_source(file, base_directory);
  if (!path) return {};
  if (!binary.empty() && is_newer(*path, binary))
    return {fmt::format("{} is newer than the binary: its lines may have changed and are not shown",
                        printable(path->filename().string()))};
  std::ifstream stream(*path);
  const uint32_t first = line > kSourceLinesBefore ? line - kSourceLinesBefore : 1;
  const uint64_t last = uint64_t{line} + kSourceLinesAfter;
  std::vector<std::string> lines;
  bool reached = false;
  std::string text;
  for (uint64_t number = 1; number <= last && std::getline(stream, text); ++number) {
    if (number < first) continue;
    if (!text.empty() && text.back() == '\r') text.pop_back();
    lines.push_back(fmt::format("{:>5} | {}", number, printable(text)));
    reached = reached || number == line;
  }
  return reached ? lines : std::vector<std::string>();
}

}  // namespace inquest::diagnosis
