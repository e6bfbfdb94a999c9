#include "capture/doctor/core_pattern.h"

#include <array>
#include <utility>

namespace inquest::doctor {

CorePattern parse_core_pattern(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  CorePattern pattern;
  pattern.text = text;
  pattern.may_be_cut = text.size() >= kMaxCorePattern;
  if (text.empty()) return pattern;
  if (text.front() == '|') {
    pattern.kind = CorePattern::Kind::kPipe;
    text.remove_prefix(1);
    while (text.starts_with(' ')) text.remove_prefix(1);
    pattern.target = text.substr(0, text.find(' '));
  } else if (text.front() == '@') {
    pattern.kind = CorePattern::Kind::kSocket;
    text.remove_prefix(text.starts_with("@@") ? 2 : 1);
    pattern.target = text;
  } else {
    pattern.kind = CorePattern::Kind::kFile;
    pattern.target = text;
    pattern.is_relative = text.front() != '/';
  }
  return pattern;
}

std::string_view handler_of(const CorePattern& pattern) {
  if (pattern.kind != CorePattern::Kind::kPipe) return {};
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kKnown = {{
      {"systemd-coredump", "systemd-coredump"},
      {"apport", "apport"},
      {"abrt-hook-ccpp", "abrt"},
      {"inquest", "inquest"},
  }};
  const std::string_view path = pattern.target;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const auto& [program, handler] : kKnown)
    if (name.starts_with(program)) return handler;
  return {};
}

}  // namespace inquest::doctor
