#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/words.h"
#include "platform/json/value.h"
#include "platform/os/file.h"
#include "process/issues/known_issues.h"

namespace inquest::issues {
namespace {

constexpr size_t kMaxFile = 4 << 20;
constexpr size_t kMaxIssues = 10'000;
constexpr size_t kMaxNames = 64;  // of one list in a pattern
constexpr size_t kMaxName = 1000;
constexpr size_t kMaxNotes = 20;

constexpr std::array<std::pair<std::string_view, Party>, 5> kParties = {
    {{"program", Party::kProgram},
     {"native-add-on", Party::kNativeAddOn},
     {"library", Party::kLibrary},
     {"misuse", Party::kMisuse},
     {"run-time", Party::kRunTime}}};

// Reads one issue; the first thing that is wrong is kept.
class Reader {
 public:
  std::optional<KnownIssue> read(const json::JsonValue& value) {
    KnownIssue issue;
    const auto* members = value.object();
    if (members == nullptr) return fail("is no object");
    for (const auto& [name, member] : *members) {
      if (name == "id")
        issue.id = text(member);
      else if (name == "title")
        issue.title = text(member);
      else if (name == "party")
        issue.party = party(member);
      else if (name == "link")
        issue.link = text(member);
      else if (name == "more_links")
        issue.more_links = texts(member);
      else if (name == "fixed")
        issue.fixed = text(member);
      else if (name == "fixed_version")
        issue.fixed_version = text(member);
      else if (name == "installed")
        issue.installed = package(member);
      else if (name == "always")
        issue.always = truth(member);
      else if (name == "workaround")
        issue.workaround = text(member);
      else if (name == "match")
        read_pattern(member, issue.pattern);
      else if (name == "possible")
        issue.possible = truth(member);
      else if (name == "disabled")
        issue.disabled = truth(member);
      // What people need to know beside it changes nothing of what it says.
      else if (name != "note")
        return fail(fmt::format("has `{}`, which is not known", name));
    }
    if (!problem_.empty()) return std::nullopt;
    if (issue.id.empty()) return fail("has no id");
    if (issue.disabled) return issue;
    if (issue.title.empty() || issue.link.empty()) return fail("has no title or no link");
    if (!issue.link.starts_with("https://")) return fail("has a link that is no https:// address");
    if (issue.pattern.is_empty()) return fail("would match every crash");
    if (!issue.fixed_version.empty()) check_fixed_version(issue);
    if (!problem_.empty()) return std::nullopt;
    return issue;
  }

  const std::string& problem() const { return problem_; }

 private:
  std::nullopt_t fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return std::nullopt;
  }

  std::string text(const json::JsonValue& value) {
    if (value.string() != nullptr && value.string()->size() <= kMaxName) return *value.string();
    fail("has something else where a text should be, or too long a one");
    return {};
  }

  bool truth(const json::JsonValue& value) {
    if (value.boolean() == nullptr) fail("has something else where true or false should be");
    return value.boolean() != nullptr && *value.boolean();
  }

  // One text may stand for a list of one.
  std::vector<std::string> texts(const json::JsonValue& value) {
    std::vector<std::string> list;
    if (value.array() == nullptr) return {text(value)};
    if (value.array()->size() > kMaxNames) fail("has too long a list");
    for (size_t i = 0; i < value.array()->size() && problem_.empty(); ++i)
      list.push_back(text((*value.array())[i]));
    return list;
  }

  Party party(const json::JsonValue& value) {
    const std::string word = text(value);
    for (const auto& [name, party] : kParties)
      if (name == word) return party;
    fail(fmt::format("blames `{}`, which is not known", word));
    return Party::kUnknown;
  }

  VersionRange versions(const json::JsonValue& value) {
    auto range = VersionRange::parse(text(value));
    if (range.ok()) return std::move(*range);
    fail(range.error().message());
    return {};
  }

  std::optional<uint64_t> address(const json::JsonValue* value) {
    const std::string word = value != nullptr ? text(*value) : "";
    const auto address = word.starts_with("0x")
                             ? number<uint64_t>(std::string_view(word).substr(2), 16)
                             : std::nullopt;
    if (!address) fail("has an address that is not written as 0x…");
    return address;
  }

  void read_pattern(const json::JsonValue& value, IssuePattern& pattern) {
    if (value.object() == nullptr) {
      fail("has a match that is no object");
      return;
    }
    for (const auto& [name, member] : *value.object()) {
      if (name == "run_time")
        read_run_time(member, pattern);
      else if (name == "package")
        read_package(member, pattern);
      else if (name == "functions")
        pattern.functions = texts(member);
      else if (name == "script_functions")
        pattern.script_functions = texts(member);
      else if (name == "crash_module")
        pattern.crash_module = text(member);
      else if (name == "on_stack")
        pattern.on_stack = texts(member);
      else if (name == "loaded")
        pattern.loaded = texts(member);
      else if (name == "fault_kind")
        pattern.fault_kind = texts(member);
      else if (name == "message")
        pattern.message = text(member);
      else if (name == "address") {
        pattern.address_from = address(member.find("from"));
        pattern.address_to = address(member.find("to"));
      } else {
        fail(fmt::format("asks for `{}`, which is not known", name));
      }
    }
  }

  void read_run_time(const json::JsonValue& value, IssuePattern& pattern) {
    pattern.run_time = value.text("name");
    if (pattern.run_time.empty()) fail("has a run_time without a name");
    if (const auto* range = value.find("versions")) pattern.run_time_versions = versions(*range);
  }

  void read_package(const json::JsonValue& value, IssuePattern& pattern) {
    PackageRange read = package(value);
    pattern.manager = std::move(read.manager);
    pattern.package = std::move(read.name);
    pattern.package_versions = std::move(read.versions);
  }

  PackageRange package(const json::JsonValue& value) {
    PackageRange read{.manager = value.text("manager"), .name = value.text("name"), .versions = {}};
    if (read.name.empty()) fail("has a package without a name");
    if (const auto* range = value.find("versions")) read.versions = versions(*range);
    return read;
  }

  // It is shown as part of a command.
  void check_fixed_version(const KnownIssue& issue) {
    const std::string& version = issue.fixed_version;
    const bool is_plain = std::isdigit(static_cast<unsigned char>(version.front())) != 0 &&
                          std::ranges::all_of(version, [](unsigned char c) {
                            return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '-');
                          });
    if (!is_plain) {
      fail("has a fixed_version that is no version");
      return;
    }
    const IssuePattern& pattern = issue.pattern;
    const bool of_package = !pattern.package.empty() && !pattern.package_versions.is_all();
    const VersionRange& range = of_package ? pattern.package_versions : pattern.run_time_versions;
    if (range.is_all()) {
      fail("has a fixed_version, and tells no versions that it mends");
    } else if (range.contains(version)) {
      fail("has a fixed_version that is one of those with the bug");
    }
  }

  std::string problem_;
};

}  // namespace

bool IssuePattern::is_empty() const {
  // A run time or a kind of fault alone is no bug.
  return package.empty() && functions.empty() && script_functions.empty() && crash_module.empty() &&
         on_stack.empty() && loaded.empty() && message.empty();
}

Result<KnownIssues> read_known_issues(std::string_view text) {
  INQ_TRY(const json::JsonValue file,
          json::parse_json(text, {.max_size = kMaxFile, .max_depth = 8}));
  const json::JsonValue* version = file.find("schema_version");
  if (file.text("schema") != "inquest-known-issues" || version == nullptr)
    return Error(ErrorCode::kCorrupt, "no file of known issues");
  if (version->integer() != 1)
    return Error(ErrorCode::kUnsupported, "known issues of a version that is not known");
  const json::JsonValue* list = file.find("issues");
  if (list == nullptr || list->array() == nullptr)
    return Error(ErrorCode::kCorrupt, "known issues: there is no list of them");
  if (list->array()->size() > kMaxIssues)
    return Error(ErrorCode::kTooLarge, "known issues: there are too many");
  KnownIssues known;
  known.updated = file.text("updated");
  for (const json::JsonValue& value : *list->array()) {
    Reader reader;
    if (auto issue = reader.read(value)) {
      known.issues.push_back(std::move(*issue));
    } else if (known.notes.size() < kMaxNotes) {
      known.notes.push_back(
          fmt::format("the known issue `{}` {}", value.text("id"), reader.problem()));
    }
  }
  return known;
}

void KnownIssues::add(KnownIssues other) {
  for (KnownIssue& issue : other.issues) {
    const auto same = std::ranges::find(issues, issue.id, &KnownIssue::id);
    if (same != issues.end()) {
      *same = std::move(issue);
    } else {
      issues.push_back(std::move(issue));
    }
  }
  notes.insert(notes.end(), other.notes.begin(), other.notes.end());
  if (other.updated > updated) updated = other.updated;
}

KnownIssues read_known_issue_files(const std::vector<std::string>& files) {
  KnownIssues known;
  for (const std::string& file : files) {
    if (!os::is_regular_file(file)) continue;
    const auto text = os::read_text_file(file, kMaxFile);
    auto more = text.ok() ? read_known_issues(*text) : Result<KnownIssues>(text.error());
    if (more.ok()) {
      known.add(std::move(*more));
    } else {
      known.notes.push_back(fmt::format("{}: {}", file, more.error().message()));
    }
  }
  return known;
}

}  // namespace inquest::issues
