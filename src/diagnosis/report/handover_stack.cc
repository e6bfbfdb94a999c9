#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "diagnosis/report/document.h"
#include "diagnosis/report/handover.h"
#include "diagnosis/report/handover_parts.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxUpstream = 40;  // rows
constexpr size_t kMaxShort = 15;
constexpr size_t kBuildIdDigits = 16;

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
}

std::string_view last_parts(std::string_view path, size_t parts) {
  size_t at = path.size();
  while (parts-- > 0 && at != 0) {
    const size_t slash = path.rfind('/', at - 1);
    if (slash == std::string_view::npos) return path;
    at = slash;
  }
  return path.substr(at + 1);
}

std::string line_of(const RuntimeFrameFact& script) {
  std::string text = fmt::format("     {}", script.function.empty() ? "??" : script.function);
  if (!script.file.empty()) text += "  " + shorten_path(script.file);
  if (script.line != 0) text += fmt::format(":{}", script.line);
  return text + fmt::format("  ({})", script.language);
}

std::string line_of(const FrameFact& frame, const FunctionFact& function) {
  std::string text = fmt::format("#{:<3} {}", frame.index,
                                 function.short_name.empty() ? "??" : function.short_name);
  if (!function.file.empty() && function.line != 0)
    text += fmt::format("  {}:{}", shorten_path(function.file), function.line);
  if (!frame.module.empty()) {
    text += fmt::format("  {}", base_name(frame.module));
    if (frame.module_offset != 0) text += fmt::format("+{:#x}", frame.module_offset);
  }
  return function.is_inlined ? text + "  (inlined)" : text;
}

// Beyond the first code of the program's own a maintainer needs no more.
class PublicStack {
 public:
  explicit PublicStack(const Facts& facts) : facts_(facts) {}

  std::vector<std::string> lines() && {
    const auto& frames = facts_.crashing.frames;
    for (size_t i = std::min(facts_.crash_frame, frames.size()); i < frames.size() && !done_; ++i)
      add(frames[i]);
    if (facts_.crashing.runtime && !done_) {
      for (const RuntimeFrameFact& script : facts_.crashing.runtime->apart) add(script);
    }
    if (lines_.empty()) lines_.emplace_back("(there is none)");
    return std::move(lines_);
  }

 private:
  void add(const FrameFact& frame) {
    for (const RuntimeFrameFact& script : frame.runtime_frames) add(script);
    if (!frame.runtime_frames.empty()) return;
    // How a run time calls from one function of its language to the next is the same everywhere.
    if (has_scripts_ && !frame.run_time.empty()) return;
    for (const FunctionFact& function : frame.functions) {
      if (has_scripts_ && function.role == CodeRole::kStart) continue;
      add(line_of(frame, function) + owner(package_of(frame, function)));
      if (function.role == CodeRole::kUser) ++native_of_user_;
    }
    // Of a native program a few callers tell how it came there.
    if (facts_.runtimes.empty() && native_of_user_ >= kCallers) finish();
  }

  void add(const RuntimeFrameFact& script) {
    if (done_) return;
    has_scripts_ = true;
    add(line_of(script) + owner(script.package));
    if (script.role == CodeRole::kUser) finish();
  }

  std::optional<PackageFact> package_of(const FrameFact& frame,
                                        const FunctionFact& function) const {
    if (function.package) return function.package;
    const auto module = std::ranges::find(facts_.modules, frame.module, &ModuleFact::path);
    return module == facts_.modules.end() ? std::nullopt : module->package;
  }

  // Said once.
  std::string owner(const std::optional<PackageFact>& package) {
    if (!package || package->is_program) return {};
    const std::string words = package_words(*package);
    return said_.insert(words).second ? fmt::format("  [{}]", words) : std::string();
  }

  void add(std::string line) {
    if (done_) return;
    if (lines_.size() == kMaxUpstream) {
      finish();
      return;
    }
    lines_.push_back(std::move(line));
  }

  void finish() {
    lines_.emplace_back("     …");
    done_ = true;
  }

  static constexpr size_t kCallers = 5;
  const Facts& facts_;
  std::vector<std::string> lines_;
  std::set<std::string> said_;
  size_t native_of_user_ = 0;
  bool has_scripts_ = false, done_ = false;
};

}  // namespace

std::string shorten_path(std::string_view path) {
  if (path.starts_with("<") || path.starts_with("node:") || path.starts_with("bun:") ||
      path.starts_with("["))
    return std::string(path);
  for (const std::string_view top : {"/site-packages/", "/dist-packages/", "/node_modules/"}) {
    if (const size_t at = path.rfind(top); at != std::string_view::npos)
      return std::string(path.substr(at + top.size()));
  }
  if (const size_t at = path.find("/registry/src/"); at != std::string_view::npos) {
    const size_t index = path.find('/', at + 14);
    if (index != std::string_view::npos) return std::string(path.substr(index + 1));
  }
  if (path.starts_with("/rustc/")) {
    if (const size_t at = path.find("/library/"); at != std::string_view::npos)
      return std::string(path.substr(at + 1));
  }
  if (path.starts_with("/usr/lib/") || path.starts_with("/usr/include/"))
    return std::string(last_parts(path, 2));
  return std::string(base_name(path));
}

std::vector<std::string> public_stack(const Facts& facts) {
  std::vector<std::string> lines = PublicStack(facts).lines();
  std::vector<std::string> ids;
  for (const ModuleFact& module : facts.modules) {
    if (!module.on_crash_path || module.build_id.empty()) continue;
    ids.push_back(fmt::format("{}: build-id {}", base_name(module.path),
                              module.build_id.substr(0, kBuildIdDigits)));
  }
  if (!ids.empty()) lines.emplace_back();
  lines.insert(lines.end(), ids.begin(), ids.end());
  return lines;
}

std::vector<std::string> short_stack(const Facts& facts) {
  std::vector<std::string> lines;
  std::vector<FrameRow> rows = compose_stack(facts.crashing, facts.crash_frame, true, false);
  for (FrameRow& row : compose_apart(facts.crashing, false)) rows.push_back(std::move(row));
  for (const FrameRow& row : rows) {
    if (lines.size() == kMaxShort) {
      lines.push_back(fmt::format("… {} more rows", rows.size() - kMaxShort));
      break;
    }
    std::string line = fmt::format("{:<5}{}", row.number, row.function);
    if (!row.place.empty()) line += "  " + row.place;
    if (!row.remark.empty()) line += fmt::format("  ({})", row.remark);
    lines.push_back(std::move(line));
  }
  if (lines.empty()) lines.emplace_back("(there is none)");
  return lines;
}

}  // namespace inquest::diagnosis
