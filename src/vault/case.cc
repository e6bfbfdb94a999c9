#include "vault/case.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "base/utf8.h"

namespace inquest::vault {
namespace {

constexpr std::array<std::string_view, 5> kFidelities = {"full", "snapshot", "slim", "registers",
                                                         "signal"};
constexpr std::array<std::string_view, 3> kStates = {"receiving", "complete", "truncated"};
constexpr std::array<std::string_view, 5> kRoles = {"full", "slim", "report", "file", "other"};

template <typename Enum, size_t N>
std::optional<Enum> value_of(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

// How long the parts of a header may be: bytes as JSON has them, and entries.
struct Lengths {
  size_t command_line, text, word, entries;
};
constexpr Lengths kLong = {8192, 4096, 256, 32};
constexpr Lengths kTight = {256, 128, 48, 2};

// The first characters of `text` that take at most `size` bytes in JSON; U+FFFD for bytes that are
// none.
void cut(std::string& text, size_t size) {
  std::string kept;
  std::string_view left = text;
  while (!left.empty()) {
    const Utf8Character next = decode_utf8(left);
    const std::string_view shown = next.valid ? left.substr(0, next.size) : "\xef\xbf\xbd";
    const size_t taken = json::json_string(shown).size() - 2;
    if (taken > size) break;
    size -= taken;
    kept += shown;
    left.remove_prefix(next.size);
  }
  text = std::move(kept);
}

void cut_pairs(std::vector<std::pair<std::string, std::string>>& pairs, const Lengths& lengths) {
  if (pairs.size() > lengths.entries) pairs.resize(lengths.entries);
  for (auto& [name, value] : pairs) {
    cut(name, lengths.word / 2);
    cut(value, lengths.word);
  }
}

}  // namespace

bool is_case_id(std::string_view text) {
  return text.size() == kCaseIdDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<CaseId> new_case_id() {
  std::array<uint8_t, kCaseIdDigits / 2> random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return Error::io("the kernel gives no random bytes", errno);
  }
  CaseId id;
  for (const uint8_t byte : random) id += fmt::format("{:02x}", byte);
  return id;
}

std::string_view to_string(Fidelity fidelity) { return kFidelities[static_cast<size_t>(fidelity)]; }
std::string_view to_string(State state) { return kStates[static_cast<size_t>(state)]; }
std::string_view to_string(Role role) { return kRoles[static_cast<size_t>(role)]; }
std::optional<Fidelity> fidelity_of(std::string_view name) {
  return value_of<Fidelity>(kFidelities, name);
}
std::optional<State> state_of(std::string_view name) { return value_of<State>(kStates, name); }
std::optional<Role> role_of(std::string_view name) { return value_of<Role>(kRoles, name); }

std::string group_of(const CaseHeader& header) {
  if (!header.signature.empty()) return header.signature;
  return fmt::format("{}:{}", header.signal, header.executable);
}

void clamp(CaseHeader& header, bool tight) {
  const Lengths& lengths = tight ? kTight : kLong;
  if (header.time_ns < 0) header.time_ns = 0;
  if (header.pid < 0 || header.pid > kMaxPid) header.pid = 0;
  if (header.signal < 0 || header.signal > kMaxSignal) header.signal = 0;
  if (header.uptime_ms > kMaxUptime) header.uptime_ms.reset();
  cut(header.command_line, lengths.command_line);
  // The end of a path says more than its beginning, but a cut path would be another path.
  cut(header.executable, lengths.text);
  for (std::string* text : {&header.title, &header.headline, &header.cgroup}) {
    cut(*text, lengths.text / 2);
  }
  for (std::string* word :
       {&header.signature, &header.host, &header.kernel, &header.unit, &header.container}) {
    cut(*word, lengths.word);
  }
  if (header.missing.size() > lengths.entries) header.missing.resize(lengths.entries);
  for (std::string& reason : header.missing) cut(reason, lengths.word);
  cut_pairs(header.annotations, lengths);
  cut_pairs(header.labels, lengths);
}

const Attachment* Case::find(std::string_view name) const {
  for (const Attachment& attachment : attachments) {
    if (attachment.name == name) return &attachment;
  }
  return nullptr;
}

// A full core that was cut short lacks what stood behind the cut, which a slim record has.
std::vector<const Attachment*> Case::evidence() const {
  const auto worth = [](const Attachment* attachment) {
    if (attachment->role == Role::kSlim) return 2;
    return attachment->truncated ? 1 : 3;
  };
  std::vector<const Attachment*> found;
  for (const Attachment& attachment : attachments) {
    const bool is_core = attachment.role == Role::kFull || attachment.role == Role::kSlim;
    if (attachment.kept && is_core) found.push_back(&attachment);
  }
  std::ranges::stable_sort(found, std::greater(), worth);
  return found;
}

const Attachment* Case::best_evidence() const {
  const auto found = evidence();
  return found.empty() ? nullptr : found.front();
}

Fidelity Case::kept_fidelity() const {
  const Attachment* best = best_evidence();
  if (best == nullptr) return Fidelity::kSignal;
  if (best->role == Role::kSlim) return std::max(header.fidelity, Fidelity::kSlim);
  return header.fidelity;
}

std::vector<std::string> Case::reasons() const {
  std::vector<std::string> all = header.missing;
  for (const Attachment& attachment : attachments) {
    if (!attachment.kept) all.push_back(fmt::format("{}: {}", attachment.name, attachment.why));
    if (attachment.kept && attachment.truncated) {
      all.push_back(attachment.name + ": cut short where it came from");
    }
  }
  return all;
}

}  // namespace inquest::vault
