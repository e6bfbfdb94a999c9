#include "capture/doctor/js_traps.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "platform/os/file.h"

namespace inquest::doctor {
namespace {

constexpr size_t kMaxFiles = 2000, kMaxTraps = 16;
constexpr uint64_t kMaxFile = 2 << 20;  // bytes
constexpr std::array<std::string_view, 4> kSignals = {"SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL"};
constexpr std::array<std::string_view, 4> kMethods = {".on", ".once", ".addListener",
                                                      ".prependListener"};

std::string_view without_trailing_blanks(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// Is what stands before the opening quote the call `process.METHOD(`?
bool is_listener(std::string_view before) {
  before = without_trailing_blanks(before);
  if (!before.ends_with('(')) return false;
  before.remove_suffix(1);
  before = without_trailing_blanks(before);
  return std::ranges::any_of(kMethods, [&](std::string_view method) {
    return before.ends_with(method) &&
           without_trailing_blanks(before.substr(0, before.size() - method.size()))
               .ends_with("process");
  });
}

bool is_script(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".js" || extension == ".cjs" || extension == ".mjs" || extension == ".ts";
}

}  // namespace

std::vector<JsTrap> find_js_traps(std::string_view source, const std::string& file) {
  std::vector<JsTrap> traps;
  for (const std::string_view signal : kSignals) {
    for (size_t at = source.find(signal); at != std::string_view::npos;
         at = source.find(signal, at + 1)) {
      const size_t end = at + signal.size();
      const char quote = at > 0 ? source[at - 1] : '\0';
      const bool quoted = (quote == '\'' || quote == '"' || quote == '`') && end < source.size() &&
                          source[end] == quote;
      if (!quoted || !is_listener(source.substr(0, at - 1))) continue;
      const auto line = static_cast<size_t>(std::ranges::count(source.substr(0, at), '\n')) + 1;
      traps.push_back({file, line, std::string(signal)});
      if (traps.size() >= kMaxTraps) return traps;
    }
  }
  return traps;
}

std::vector<JsTrap> find_js_traps_below(const std::string& script) {
  namespace fs = std::filesystem;
  std::vector<JsTrap> traps;
  std::error_code failure;
  const auto look = [&](const fs::path& path) {
    const auto text = os::read_text_file(path.string(), kMaxFile);
    if (!text.ok()) return;
    for (JsTrap& trap : find_js_traps(*text, path.string())) traps.push_back(std::move(trap));
  };
  const fs::path directory = fs::path(script).parent_path();
  fs::recursive_directory_iterator entries(directory.empty() ? "." : directory,
                                           fs::directory_options::skip_permission_denied, failure);
  size_t files = 0;
  for (; !failure && entries != fs::recursive_directory_iterator() && files < kMaxFiles &&
         traps.size() < kMaxTraps;
       entries.increment(failure)) {
    const std::string name = entries->path().filename().string();
    if (entries->is_directory(failure)) {
      if (name == "node_modules" || name.starts_with('.')) entries.disable_recursion_pending();
    } else if (is_script(entries->path())) {
      ++files;
      look(entries->path());
    }
  }
  return traps;
}

}  // namespace inquest::doctor
