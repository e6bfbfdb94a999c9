#include "process/runtime/named/named.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "binary/elf/file.h"

namespace inquest::process {
namespace {

constexpr uint64_t kMaxVersion = 32;  // characters

std::optional<ByteView> section(const elf::File& file, std::string_view name) {
  const auto* found = file.find_section(name);
  return found == nullptr ? std::nullopt : slice(file.bytes(), found->offset, found->size);
}

// The digits and dots that `text` begins with: "3.1" of "3.1.so".
std::string version_at(std::string_view text) {
  size_t end = 0;
  while (end < std::min<size_t>(text.size(), kMaxVersion) &&
         (text[end] == '.' || (text[end] >= '0' && text[end] <= '9')))
    ++end;
  while (end > 0 && text[end - 1] == '.') --end;
  return std::string(text.substr(0, end));
}

std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A constant text that the binary exports.
std::string exported_text(const elf::File& file, std::string_view symbol_name) {
  const auto symbol = file.find_dynamic_symbol(symbol_name);
  if (!symbol) return {};
  const auto bytes = file.bytes_at_vaddr(symbol->value, std::min(symbol->size, kMaxVersion));
  return bytes ? version_at(c_string(*bytes)) : std::string();
}

// What a run time is told by.
struct Kind {
  std::string_view language, name;
  // How the names of its library and of its program begin, a version behind them: "libruby-".
  std::array<std::string_view, 2> library, program;
  std::string_view version_symbol;  // of an exported text
  std::string_view advice;
};

constexpr std::array<Kind, 7> kKinds = {{
    {"Java",
     "Java",
     {"libjvm.so"},
     {},
     "",
     "its own report is hs_err_pidPID.log in the directory "
     "it ran in, or where -XX:ErrorFile says: inquest explain reads it"},
    {"Ruby",
     "Ruby",
     {"libruby-", "libruby.so."},
     {"ruby"},
     "ruby_version",
     "Ruby prints its own frames (`Control frame information`) to stderr"},
    {"PHP",
     "PHP",
     {"libphp"},
     {"php", "php-fpm"},
     "",
     "the native frames zend_execute, execute_ex "
     "and zif_NAME tell which of PHP's functions ran"},
    {"Perl",
     "Perl",
     {"libperl.so."},
     {"perl"},
     "",
     "`perl -d:Trace SCRIPT` (libdevel-trace-perl) "
     "tells the line of Perl that ran last"},
    {"C#",
     ".NET",
     {"libcoreclr.so"},
     {},
     "",
     "dotnet-dump reads the managed frames of a full core"},
    {"Erlang", "Erlang", {}, {"beam.smp"}, "", "its own report is erl_crash.dump"},
    {"Lua",
     "LuaJIT",
     {"libluajit-"},
     {"luajit"},
     "",
     "the native frames lua_call and lj_BC_* tell "
     "that Lua ran"},
}};

std::optional<std::string_view> behind(std::string_view name, std::string_view start) {
  if (start.empty() || !name.starts_with(start)) return std::nullopt;
  return name.substr(start.size());
}

// "php8.2" and "php" are it, "phpmyadmin" is not.
bool is_version_or_nothing(std::string_view rest) {
  return rest.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::optional<std::string> version_in_name(const Kind& kind, const Module& module) {
  for (const std::string_view start : kind.library) {
    if (const auto rest = behind(module.name, start)) return version_at(*rest);
  }
  if (!module.is_main) return std::nullopt;
  for (const std::string_view start : kind.program) {
    const auto rest = behind(module.name, start);
    if (rest && is_version_or_nothing(*rest)) return version_at(*rest);
  }
  return std::nullopt;
}

std::optional<NamedRuntime> by_name(const Module& module) {
  for (const Kind& kind : kKinds) {
    auto version = version_in_name(kind, module);
    if (!version) continue;
    if (!kind.version_symbol.empty() && module.binary() != nullptr) {
      if (auto exact = exported_text(*module.binary(), kind.version_symbol); !exact.empty())
        version = std::move(exact);
    }
    NamedRuntime found{.language = std::string(kind.language),
                       .name = std::string(kind.name),
                       .found_by = "the name of " + module.name,
                       .advice = std::string(kind.advice)};
    if (!version->empty()) found.name += " " + *version;
    return found;
  }
  return std::nullopt;
}

// .go.buildinfo: a mark, flags, and from Go 1.18 on the version in the section itself, its length
// in front. Source: src/debug/buildinfo/buildinfo.go.
std::optional<NamedRuntime> go_program(const Module& module, const elf::File& file) {
  constexpr std::string_view kMark = "\xff Go buildinf:";
  constexpr uint64_t kFlags = 15, kText = 32;
  constexpr uint8_t kInline = 2;
  const auto info = section(file, ".go.buildinfo");
  if (!info || info->size() < kText || !text_of(*info).starts_with(kMark)) return std::nullopt;
  NamedRuntime found{.language = "Go",
                     .name = "Go",
                     .found_by = "the section .go.buildinfo of " + module.name,
                     .advice =
                         "Go prints all goroutines to stderr when GOTRACEBACK=crash: inquest "
                         "explain reads that"};
  if (((*info)[kFlags] & kInline) != 0 && info->size() > kText) {
    const std::string_view text = text_of(info->subspan(kText + 1));
    if (text.starts_with("go")) {
      const std::string version = version_at(text.substr(2, (*info)[kText] - 2u));
      if (!version.empty()) found.name += " " + version;
    }
  }
  return found;
}

// Bun has V8's interface for add-ons, under a version of its own.
std::optional<NamedRuntime> bun_program(const Module& module, const elf::File& file) {
  const auto versions = file.defined_versions();
  const bool is_bun = std::any_of(versions.begin(), versions.end(),
                                  [](std::string_view name) { return name.starts_with("BUN_"); });
  if (!is_bun) return std::nullopt;
  NamedRuntime found{.language = "JavaScript",
                     .name = "Bun",
                     .found_by = "the symbol versions of " + module.name,
                     .advice =
                         "Bun prints a bun.report address to stderr, whose page names its "
                         "functions; inquest explain reads that text, too"};
  constexpr std::string_view kBanner = "Bun v";
  const auto constants = section(file, ".rodata");
  if (!constants) return found;
  const std::string_view text = text_of(*constants);
  for (size_t at = text.find(kBanner); at != std::string_view::npos;
       at = text.find(kBanner, at + 1)) {
    const std::string version = version_at(text.substr(at + kBanner.size(), kMaxVersion));
    if (version.empty()) continue;
    found.name += " " + version;
    break;
  }
  return found;
}

}  // namespace

std::vector<NamedRuntime> find_named_runtimes(const ModuleSet& modules) {
  std::vector<NamedRuntime> found;
  const auto add = [&](std::optional<NamedRuntime> one) {
    if (!one) return;
    const bool known = std::any_of(found.begin(), found.end(), [&](const NamedRuntime& other) {
      return other.language == one->language;
    });
    if (!known) found.push_back(*std::move(one));
  };
  for (const auto& module : modules.all()) add(by_name(*module));
  const Module* main = modules.main();
  const elf::File* file = main == nullptr ? nullptr : main->binary();
  if (file == nullptr) return found;
  add(go_program(*main, *file));
  add(bun_program(*main, *file));
  return found;
}

}  // namespace inquest::process
