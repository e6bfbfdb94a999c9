#include <fmt/format.h>

#include <cctype>
#include <optional>

#include "diagnosis/signature/choice.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kNearNull = 64 << 10;

// "Invalid read of size 8" → "invalid-read-of-size-8"
std::string slug(std::string_view text) {
  constexpr size_t kMax = 60;
  std::string out;
  for (const char c : text) {
    if (out.size() >= kMax) break;
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (out.ends_with('-')) out.pop_back();
  return out;
}

std::string signal_word(const SignalFacts& signal) {
  if (signal.number == 0 && signal.name.empty()) return {};
  const std::string_view name = signal.name;
  return slug(name.starts_with("SIG") ? name.substr(3) : name);
}

std::string_view access_word(AccessKind access) {
  switch (access) {
    case AccessKind::kRead:
      return "read";
    case AccessKind::kWrite:
    case AccessKind::kReadWrite:  // refused as a write, or as a read that was to become one
      return "write";
    case AccessKind::kExecute:
      return "execute";
    case AccessKind::kNone:
      return {};
  }
  return {};
}

// What kind of address it was: never the address itself, which differs from run to run.
std::string_view address_word(const AddressFacts& address) {
  if (address.has(AddressTrait::kNull) || address.has(AddressTrait::kNearNull)) return "null";
  if (address.has(AddressTrait::kBeyondEndOfFile)) return "end-of-file";
  if (address.has(AddressTrait::kReadOnlyMapping)) return "read-only";
  if (address.has(AddressTrait::kNoExecuteMapping)) return "no-execute";
  return "wild";
}

std::string of_access(const std::string& signal, AccessKind access, std::string_view address) {
  std::string text = signal;
  if (const auto word = access_word(access); !word.empty()) text += fmt::format("-{}", word);
  if (!address.empty()) text += fmt::format("-{}", address);
  return text;
}

std::string of_fault(const std::string& signal, const FaultFacts& fault) {
  if (fault.stack_pointer_in_guard) return signal + "-stack-overflow";
  if (fault.pc_is_bad) {
    const auto& target = fault.pc_facts ? fault.pc_facts : fault.address_facts;
    return of_access(signal, AccessKind::kExecute, target ? address_word(*target) : "wild");
  }
  if (fault.kind == "divide") return signal + "-divide";
  if (fault.kind == "trap") return signal + "-trap";
  return of_access(signal, fault.access,
                   fault.address_facts ? address_word(*fault.address_facts) : "");
}

std::string of_abort(const std::string& signal, const AbortFacts& abort) {
  std::string text = fmt::format("{}-{}", signal.empty() ? "abrt" : signal, to_string(abort.kind));
  if (!abort.exception_type.empty())
    text += fmt::format("-{}", grouping_name(abort.exception_type));
  return text;
}

bool is_fault_signal(std::string_view name) {
  return name == "SIGSEGV" || name == "SIGBUS" || name == "SIGILL" || name == "SIGFPE";
}

// A tool's own word for an access that the kernel refused is the signal's name.
bool is_plain_fault(std::string_view error) {
  return error == "SEGV" || error == "BUS" || error == "FPE" || error == "ILL" || error == "ABRT" ||
         error.empty();
}

}  // namespace

std::string fault_kind(const Facts& facts) {
  const std::string signal = signal_word(facts.signal);
  if (facts.reported && !is_fault_signal(facts.signal.name) &&
      !is_plain_fault(facts.reported->error))
    return slug(facts.reported->error);
  if (facts.abort.kind != AbortFacts::Kind::kNone) return of_abort(signal, facts.abort);
  if (facts.signal.sent_by_other) return signal + "-sent";
  if (facts.fault) return of_fault(signal, *facts.fault);
  if (facts.reported && facts.reported->address) {
    return of_access(signal, facts.reported->access,
                     facts.reported->address->value < kNearNull ? "null" : "wild");
  }
  if (facts.signal.address)
    return of_access(signal, AccessKind::kNone,
                     facts.signal.address->value < kNearNull ? "null" : "");
  return signal.empty() ? "none" : signal;
}

std::string coarse_fault_kind(const Facts& facts) {
  std::string fine = fault_kind(facts);
  const bool aborted = facts.abort.kind != AbortFacts::Kind::kNone;
  const bool told_apart = fine.ends_with("-stack-overflow") || fine.ends_with("-end-of-file") ||
                          facts.signal.sent_by_other;
  const bool bad_access = facts.signal.name == "SIGSEGV" || facts.signal.name == "SIGBUS";
  // Which of the two a wild address gives is chance.
  return aborted || told_apart || !bad_access ? fine : "segv";
}

}  // namespace inquest::diagnosis
