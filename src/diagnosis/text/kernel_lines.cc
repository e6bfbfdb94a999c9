#include "diagnosis/text/kernel_lines.h"

#include "diagnosis/text/complete.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxCode = 256;  // bytes; kernels print 64
constexpr uint64_t kMaxMapping = uint64_t{1} << 47;

}  // namespace

std::optional<TaskName> task_at_end(std::string_view text) {
  if (!text.ends_with(']')) return std::nullopt;
  const size_t open = text.rfind('[');
  if (open == std::string_view::npos || open == 0) return std::nullopt;
  const auto tid = number_of(text.substr(open + 1, text.size() - open - 2));
  if (!tid || *tid == 0 || *tid > INT32_MAX) return std::nullopt;
  return TaskName{text.substr(0, open), static_cast<int32_t>(*tid)};
}

bool take_mapping(std::string_view text, process::KernelCrash& crash, std::string_view& rest) {
  constexpr std::string_view kIn = " in ";
  if (!text.starts_with(kIn)) return false;
  // The name of the file may hold anything: the last bracket that reads as a mapping counts.
  for (size_t open = text.rfind('['); open != std::string_view::npos && open > kIn.size();
       open = text.rfind('[', open - 1)) {
    Words words(text.substr(open + 1));
    auto start = words.take_bare_hex();
    std::optional<uint64_t> offset;
    if (start && words.take(",")) {
      offset = start;
      start = words.take_bare_hex();
    }
    if (!start || !words.take("+")) continue;
    const auto size = words.take_bare_hex();
    if (!size || *size == 0 || *size > kMaxMapping || !words.take("]")) continue;
    if (*start > UINT64_MAX - *size) continue;
    crash.module = text.substr(kIn.size(), open - kIn.size());
    crash.mapping = AddressRange{Address(*start), Address(*start + *size)};
    const auto pc = crash.registers.pc();
    // The offset is that of the pc.
    if (offset && pc && crash.mapping->contains(*pc) && *offset >= *pc - Address(*start)) {
      crash.file_offset = *offset - (*pc - Address(*start));
    }
    rest = words.rest();
    return true;
  }
  return false;
}

bool take_code(std::string_view text, process::KernelCrash& crash) {
  const size_t at = text.find("Code: ");
  const auto pc = crash.registers.pc();
  if (at == std::string_view::npos || !pc) return false;
  Words words(text.substr(at + 6));
  Bytes code;
  std::optional<size_t> marked;
  const bool is_arm = crash.registers.arch() == isa::Arch::kAArch64;
  while (code.size() < kMaxCode) {
    words.skip_blanks();
    const char close = words.take("<") ? '>' : words.take("(") ? ')' : '\0';
    const auto value = words.take_bare_hex();
    if (!value) break;
    if (close != '\0') {
      if (marked || !words.take(std::string_view(&close, 1))) return false;
      marked = code.size();
    }
    const size_t size = is_arm ? 4 : 1;  // words there, bytes here
    if (*value >> (8 * size) != 0) return false;
    for (size_t i = 0; i < size; ++i) code.push_back(static_cast<uint8_t>(*value >> (8 * i)));
  }
  if (!marked || pc->value < *marked) return false;
  crash.code = std::move(code);
  crash.code_start = *pc - *marked;
  return true;
}

void set_kernel_facts(const process::KernelCrash& crash, std::string error, TextReport& report) {
  Facts& facts = report.facts;
  facts.process.command = crash.command;
  facts.process.pid = crash.tid;
  facts.crashing.tid = crash.tid;
  set_signal(facts, crash.signal.number, crash.signal.code, crash.signal.address);
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "kernel log";
  reported.error = std::move(error);
  reported.address = crash.signal.address;
  reported.stack_pointer = crash.registers.sp();
  switch (crash.wanted) {
    case process::KernelCrash::Wanted::kRead:
      reported.access = AccessKind::kRead;
      break;
    case process::KernelCrash::Wanted::kWrite:
      reported.access = AccessKind::kWrite;
      break;
    case process::KernelCrash::Wanted::kExecute:
      reported.access = AccessKind::kExecute;
      break;
    case process::KernelCrash::Wanted::kUnknown:
      break;
  }
}

}  // namespace inquest::diagnosis
