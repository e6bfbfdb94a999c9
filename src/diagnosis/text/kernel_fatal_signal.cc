// "app: potentially unexpected fatal signal 11." and all registers: kernel.print-fatal-signals=1.
#include <fmt/format.h>

#include <array>

#include "diagnosis/text/formats.h"
#include "diagnosis/text/kernel_lines.h"
#include "diagnosis/text/kernel_registers.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 1> kTriggers = {"potentially unexpected fatal signal "};

// "CPU: 1 PID: 234 Comm: app Not tainted 6.1.0", "CPU: 1 UID: 0 PID: 234 Comm: app Tainted: …"
void take_task(std::string_view line, process::KernelCrash& crash) {
  const size_t pid = line.find("PID: "), comm = line.find("Comm: ");
  if (pid == std::string_view::npos || comm == std::string_view::npos) return;
  Words words(line.substr(pid + 5));
  if (const auto tid = words.take_number(); tid && *tid <= INT32_MAX) {
    crash.tid = static_cast<int32_t>(*tid);
  }
  std::string_view name = line.substr(comm + 6);
  name = name.substr(0, std::min(name.find(" Not tainted"), name.find(" Tainted: ")));
  if (crash.command.empty()) crash.command = name;
}

bool is_fault(int signal) { return signal == 4 || signal == 7 || signal == 8 || signal == 11; }

size_t read(TextLines lines, TextReport& report) {
  const std::string_view line = lines.front().text;
  const size_t at = line.find(kTriggers.front());
  if (at == std::string_view::npos) return 0;
  Words words(line.substr(at + kTriggers.front().size()));
  const auto signal = words.take_number();
  if (!signal || *signal == 0 || *signal > 64) return 0;
  process::KernelCrash crash;
  crash.signal.number = static_cast<int>(*signal);
  if (const size_t colon = line.rfind(": ", at); colon != std::string_view::npos && colon < at) {
    crash.command = line.substr(0, colon);
  }
  for (size_t i = 1; i < std::min<size_t>(lines.size(), 8); ++i) {
    if (lines[i].text.find("pstate: ") != std::string_view::npos)
      crash.registers = isa::RegisterFile(isa::Arch::kAArch64);
  }
  if (lines.size() > 1) take_task(lines[1].text, crash);
  const TextLines rest = lines.subspan(1);
  const size_t dump = crash.registers.arch() == isa::Arch::kAArch64
                          ? take_arm_registers(rest, crash)
                          : take_x86_registers(rest, crash);
  // CR2 keeps the address of the last page fault, which need not be this one's.
  if (crash.signal.number == 11 && crash.signal.address) {
    crash.signal.code = 1;
  } else {
    crash.signal.address.reset();
  }
  set_kernel_facts(crash, fmt::format("fatal signal {}", *signal), report);
  for (size_t i = 0; i <= std::min<size_t>(dump, 20); ++i) {
    report.facts.reported->excerpt.emplace_back(lines[i].text);
  }
  if (is_fault(crash.signal.number) && crash.registers.pc()) report.kernel = std::move(crash);
  return 1 + dump;
}

}  // namespace

const Format kFatalSignal = {.name = "kernel-fatal-signal", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
