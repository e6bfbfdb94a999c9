// What the kernel says of a process that dies of a fault, on x86-64 and AArch64:
//
//   app[71]: segfault at 38 ip 55a5b68d315d sp 7ffc432f79d0 error 4 in app[115d,55a5b68d3000+1000]
//     likely on CPU 0 (core 0, socket 0)
//   Code: 29 ff ff … 48 8b 47 08 <8b> 40 38 0f …
//   traps: app[71] general protection fault ip:401136 sp:7ffd8 error:0 in app[401000+1000]
//   app[71]: unhandled level 2 translation fault (11) at 0x00000038, esr 0x92000046, in app[…]
//   app[71]: unhandled exception: DABT (lower EL), ESR 0x92000046, level 2 translation fault in …
//   pc : 0000aaaad5d10754    (and the other registers, one line after the other)
#include <fmt/format.h>

#include <array>
#include <string>

#include "diagnosis/text/formats.h"
#include "diagnosis/text/kernel_lines.h"
#include "diagnosis/text/kernel_registers.h"

namespace inquest::diagnosis {
namespace {

using process::KernelCrash;
using Wanted = KernelCrash::Wanted;

constexpr int kSigIll = 4, kSigTrap = 5, kSigBus = 7, kSigFpe = 8, kSigSegv = 11;
constexpr int kSegvMapErr = 1, kSegvAccErr = 2, kSegvPkuErr = 4, kSiKernel = 128;
constexpr size_t kCodeLookahead = 6;  // lines; other crashes are printed in between

constexpr std::array<std::string_view, 5> kTriggers = {
    "]: segfault at ", "traps: ", "general protection", "]: unhandled ", "] trap "};

// --- x86-64

// Bits of the page fault's error code.
enum : uint64_t {
  kPresent = 1,
  kWrite = 2,
  kUser = 4,
  kReserved = 8,
  kFetch = 16,
  kProtectionKey = 32,
  kShadowStack = 64,
  kEnclave = 1 << 15,
};

void decode_error(uint64_t error, KernelCrash& crash) {
  crash.wanted = (error & kFetch) != 0   ? Wanted::kExecute
                 : (error & kWrite) != 0 ? Wanted::kWrite
                                         : Wanted::kRead;
  crash.page_present = (error & kPresent) != 0;
  crash.signal.number = kSigSegv;
  crash.signal.code = (error & kProtectionKey) != 0 ? kSegvPkuErr
                      : (error & kPresent) != 0     ? kSegvAccErr
                                                    : kSegvMapErr;
}

std::string error_words(uint64_t error) {
  std::string text = (error & kUser) != 0 ? "segfault: user " : "segfault: kernel ";
  text += (error & kShadowStack) != 0 ? "shadow stack "
          : (error & kFetch) != 0     ? "execution of "
          : (error & kWrite) != 0     ? "write to "
                                      : "read of ";
  text += (error & kProtectionKey) != 0 ? "a page that its protection key forbids"
          : (error & kEnclave) != 0     ? "a page of an SGX enclave"
          : (error & kReserved) != 0    ? "a page with a damaged page table"
          : (error & kPresent) != 0     ? "a page that does not allow it"
                                        : "a page that is not there";
  return text + fmt::format(" (error {:x})", error);
}

std::optional<std::string> read_segfault(std::string_view line, KernelCrash& crash) {
  constexpr std::string_view kMark = ": segfault at ";
  const size_t at = line.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto task = task_at_end(line.substr(0, at));
  Words words(line.substr(at + kMark.size()));
  const auto address = words.take_bare_hex();
  if (!task || !address || !words.take(" ip ")) return std::nullopt;
  const auto ip = words.take_bare_hex();
  if (!ip || !words.take(" sp ")) return std::nullopt;
  const auto sp = words.take_bare_hex();
  if (!sp || !words.take(" error ")) return std::nullopt;
  const auto error = words.take_bare_hex();
  if (!error) return std::nullopt;
  crash.command = task->name;
  crash.tid = task->tid;
  crash.registers.set_pc(Address(*ip));
  crash.registers.set_sp(Address(*sp));
  decode_error(*error, crash);
  crash.signal.address = Address(*address);
  std::string_view rest;
  take_mapping(words.rest(), crash, rest);
  return error_words(*error);
}

struct Trap {
  std::string_view name;
  int signal, code;
};
// The longer names first.
constexpr Trap kTraps[] = {
    {"general protection fault", kSigSegv, kSiKernel},
    {"general protection", kSigSegv, kSiKernel},
    {"trap invalid opcode", kSigIll, 2 /* ILL_ILLOPN */},
    {"trap divide error", kSigFpe, 1 /* FPE_INTDIV */},
    {"trap int3", kSigTrap, kSiKernel},
    {"trap stack segment", kSigBus, kSiKernel},
    {"trap segment not present", kSigBus, kSiKernel},
    {"trap alignment check", kSigBus, 1 /* BUS_ADRALN */},
    {"trap invalid TSS", kSigSegv, kSiKernel},
    {"trap overflow", kSigSegv, kSiKernel},
    {"trap bounds", kSigSegv, kSiKernel},
    {"trap coprocessor segment overrun", kSigFpe, kSiKernel},
    {"control protection", kSigSegv, 10 /* SEGV_CPERR */},
};

std::optional<std::string> read_trap(std::string_view line, KernelCrash& crash) {
  const size_t start = line.find("traps: ");
  if (start != std::string_view::npos) line.remove_prefix(start + 7);
  for (const Trap& trap : kTraps) {
    const size_t at = line.find(trap.name);
    if (at == std::string_view::npos || at < 4 || line[at - 1] != ' ') continue;
    const auto task = task_at_end(line.substr(0, at - 1));
    Words words(line.substr(at + trap.name.size()));
    words.take_until(" ip:");
    const auto ip = words.take_bare_hex();
    if (!task || !ip || !words.take(" sp:")) return std::nullopt;
    const auto sp = words.take_bare_hex();
    if (!sp || !words.take(" error:")) return std::nullopt;
    const auto error = words.take_bare_hex();
    if (!error) return std::nullopt;
    crash.command = task->name;
    crash.tid = task->tid;
    crash.registers.set_pc(Address(*ip));
    crash.registers.set_sp(Address(*sp));
    crash.signal.number = trap.signal;
    crash.signal.code = trap.code;
    std::string_view rest = words.rest();
    if (rest.starts_with('(')) rest = rest.substr(std::min(rest.find(')'), rest.size() - 1) + 1);
    take_mapping(rest, crash, rest);
    std::string_view name = trap.name;
    if (name.starts_with("trap ")) name.remove_prefix(5);
    return std::string(name);
  }
  return std::nullopt;
}

// --- AArch64

// ESR_EL1: the class of the exception, and for aborts the access and the kind of fault.
void decode_esr(uint64_t esr, KernelCrash& crash) {
  const uint64_t kind = esr >> 26 & 0x3f;
  const bool instruction_abort = kind == 0x20 || kind == 0x21;
  const bool data_abort = kind == 0x24 || kind == 0x25;
  if (!instruction_abort && !data_abort) return;
  crash.wanted = instruction_abort     ? Wanted::kExecute
                 : (esr >> 6 & 1) != 0 ? Wanted::kWrite
                                       : Wanted::kRead;
  const uint64_t status = esr & 0x3f;
  const bool permission = status >= 0x0c && status <= 0x0f;
  crash.page_present = permission;
}

struct ArmFault {
  std::string_view words;
  int signal, code;
};
constexpr ArmFault kArmFaults[] = {
    {"translation fault", kSigSegv, kSegvMapErr},
    {"permission fault", kSigSegv, kSegvAccErr},
    {"access flag fault", kSigSegv, kSegvAccErr},
    {"address size fault", kSigBus, 0},
    {"alignment fault", kSigBus, 1},
    {"SP/PC alignment exception", kSigBus, 1},
    {"external abort", kSigBus, 0},
    {"undefined instruction", kSigIll, 1},
    {"BRK", kSigTrap, 1},
    {"Trap", kSigTrap, 1},
};

std::optional<std::string> read_arm(std::string_view line, KernelCrash& crash) {
  constexpr std::string_view kMark = ": unhandled ";
  const size_t at = line.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto task = task_at_end(line.substr(0, at));
  if (!task) return std::nullopt;
  std::string_view rest = line.substr(at + kMark.size());
  crash.registers = isa::RegisterFile(isa::Arch::kAArch64);
  crash.command = task->name;
  crash.tid = task->tid;
  std::string words(rest.substr(0, rest.find(" in ")));
  for (const ArmFault& fault : kArmFaults) {
    if (rest.find(fault.words) == std::string_view::npos) continue;
    crash.signal.number = fault.signal;
    if (fault.code != 0) crash.signal.code = fault.code;
    break;
  }
  if (const size_t place = rest.find(") at 0x"); place != std::string_view::npos) {
    Words number(rest.substr(place + 5));
    if (const auto address = number.take_hex()) crash.signal.address = Address(*address);
    const size_t open = rest.rfind('(', place);
    if (open != std::string_view::npos) {
      const auto signal = number_of(rest.substr(open + 1, place - open - 1));
      if (signal && *signal < 65) crash.signal.number = static_cast<int>(*signal);
    }
  }
  for (const std::string_view name : {"esr 0x", "ESR 0x"}) {
    const size_t esr = rest.find(name);
    if (esr == std::string_view::npos) continue;
    Words number(rest.substr(esr + 4));
    if (const auto value = number.take_hex()) decode_esr(*value, crash);
  }
  if (crash.signal.number == 0) return std::nullopt;
  if (const size_t in = rest.find(" in "); in != std::string_view::npos) {
    std::string_view behind;
    take_mapping(rest.substr(in), crash, behind);
  }
  while (words.ends_with(',') || words.ends_with(' ')) words.pop_back();
  return words;
}

// --- both

bool is_crash_line(std::string_view line) {
  KernelCrash other;
  return read_segfault(line, other) || read_trap(line, other);
}

// The bytes stand on the next line; when other crashes are printed at the same moment, a few lines
// on. Then they belong to this one only if no other crash can claim them.
size_t find_code(TextLines lines, KernelCrash& crash) {
  for (size_t i = 1; i < std::min(lines.size(), kCodeLookahead); ++i) {
    if (is_crash_line(lines[i].text)) return 0;
    if (!lines[i].text.starts_with("Code: ")) continue;
    const bool shared = i + 1 < lines.size() && lines[i + 1].text.starts_with("Code: ");
    return !shared && take_code(lines[i].text, crash) ? i : 0;
  }
  return 0;
}

size_t read(TextLines lines, TextReport& report) {
  const std::string_view line = lines.front().text;
  KernelCrash crash;
  size_t used = 1;
  auto error = read_segfault(line, crash);
  if (!error) error = read_trap(line, crash);
  if (!error) {
    error = read_arm(line, crash);
    if (!error) return 0;
    used += take_arm_registers(lines.subspan(1), crash);
    // The pc is known only now.
    if (const size_t in = line.find(" in "); in != std::string_view::npos) {
      std::string_view behind;
      take_mapping(line.substr(in), crash, behind);
    }
  }
  const size_t code = find_code(lines, crash);
  set_kernel_facts(crash, std::move(*error), report);
  auto& excerpt = report.facts.reported->excerpt;
  excerpt.emplace_back(line);
  if (code != 0) excerpt.emplace_back(lines[code].text);
  if (code == used) ++used;
  report.kernel = std::move(crash);
  return used;
}

}  // namespace

const Format kKernelFault = {.name = "kernel-fault", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
