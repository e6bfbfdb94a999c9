// Case: one crash as the vault keeps it: who died of what, and which pieces of evidence are left.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "platform/codec/digest.h"
#include "platform/json/value.h"
#include "platform/json/writer.h"

namespace inquest::vault {

// 32 lower-case hexadecimal digits, drawn at random by whoever deposits.
using CaseId = std::string;
inline constexpr size_t kCaseIdDigits = 32;
bool is_case_id(std::string_view text);
Result<CaseId> new_case_id();

// How much of the process was kept, from all to almost nothing.
enum class Fidelity : uint8_t {
  kFull,       // all memory, by the kernel or a debugger
  kSnapshot,   // all memory, from a copy-on-write snapshot
  kSlim,       // stacks, what registers and stacks point at, what the analysis needs
  kRegisters,  // registers, perhaps one stack
  kSignal,     // only that it died, and of which signal
};
std::string_view to_string(Fidelity fidelity);  // "full", "snapshot", …
std::optional<Fidelity> fidelity_of(std::string_view name);

enum class State : uint8_t {
  kReceiving,  // begun and not finished: its writer is at work, or died
  kComplete,   // all that was meant to be kept is kept, or refused with a reason
  kTruncated,  // it was cut short
};
std::string_view to_string(State state);
std::optional<State> state_of(std::string_view name);

// What is known of a crash without its evidence. Texts come from a dying process: any bytes, until
// clamp().
struct CaseHeader {
  int64_t time_ns = 0;  // of the death, since the epoch; 0: unknown
  int64_t pid = 0;
  std::string executable;    // path
  std::string command_line;  // words separated by blanks
  int signal = 0;            // 0: none, or unknown
  std::string signature;     // id of diagnosis/signature; empty: not known (yet)
  std::string title;         // the signature for people: "segv-read-null | quote | serve"
  Fidelity fidelity = Fidelity::kSignal;
  std::vector<std::string> missing;  // what is not in the evidence, and why; sentences
  std::string headline;              // of the verdict; empty: not explained (yet)
  std::string host, kernel, unit, container, cgroup;
  std::optional<uint64_t> uptime_ms;  // of the process, when it died
  // What the program had said of itself: ("version", "1.4.2").
  std::vector<std::pair<std::string, std::string>> annotations;
  std::vector<std::pair<std::string, std::string>> labels;  // of whoever deposits

  bool operator==(const CaseHeader&) const = default;
};

// What eviction and counts go by: the signature, else executable and signal.
std::string group_of(const CaseHeader& header);

// Makes of any header one that read_header() takes: texts become UTF-8 and are cut where they are
// longer than they may be, numbers out of range unknown. `tight`: so that its record takes at most
// kTightHeaderBytes.
inline constexpr size_t kTightHeaderBytes = 2048;
inline constexpr int64_t kMaxPid = INT32_MAX;
inline constexpr int kMaxSignal = 128;
inline constexpr uint64_t kMaxUptime = INT64_MAX;
void clamp(CaseHeader& header, bool tight = false);

// What a piece of evidence is good for.
enum class Role : uint8_t {
  kFull,    // a core with all memory
  kSlim,    // a core with the memory that explains
  kReport,  // what the analysis said
  kFile,    // a binary or debug file of the process, named by its path
  kOther,   // the last lines of stderr, a log
};
std::string_view to_string(Role role);
std::optional<Role> role_of(std::string_view name);

// One piece of evidence of a case.
struct Attachment {
  std::string name;  // "core", "slim", "report.json", "/usr/bin/shop" (kFile)
  Role role = Role::kOther;
  uint64_t size = 0;    // bytes, holes included
  uint64_t data = 0;    // bytes that are not in holes
  uint64_t stored = 0;  // bytes that it added to the vault
  codec::Sha256Digest manifest{};
  bool truncated = false;  // its source ended early
  bool kept = true;        // false: refused or evicted, `why` says so
  std::string why;

  bool operator==(const Attachment&) const = default;
};

struct Case {
  CaseId id;
  CaseHeader header;
  State state = State::kReceiving;
  bool pinned = false;
  std::vector<Attachment> attachments;

  const Attachment* find(std::string_view name) const;
  // The cores that are kept, the best first.
  std::vector<const Attachment*> evidence() const;
  // The best of them; nullptr when there is none.
  const Attachment* best_evidence() const;
  // What the evidence that is left amounts to: header.fidelity while it is all there, less when it
  // was refused or evicted.
  Fidelity kept_fidelity() const;
  // header.missing, and what was refused and evicted.
  std::vector<std::string> reasons() const;
};

void write_header_fields(json::JsonWriter& json, const CaseHeader& header);
void write_attachment(json::JsonWriter& json, const Attachment& attachment);
// Of objects as the writers above make them. Unknown members are ignored, those of a wrong type are
// an error.
Result<CaseHeader> read_header(const json::JsonValue& object);
Result<Attachment> read_attachment(const json::JsonValue& object);

}  // namespace inquest::vault
