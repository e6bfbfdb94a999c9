#include "diagnosis/text/kernel_registers.h"

#include <algorithm>
#include <array>
#include <string>

#include "diagnosis/text/kernel_lines.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxLines = 48;

constexpr std::array<std::string_view, 12> kAround = {
    "CPU: ", "Hardware name: ", "pstate: ", "Modules linked in", "task: ",    "Comm: ", "FS: ",
    "CS: ",  "EFLAGS: ",        "PKRU: ",   "Tainted",           "Call trace"};

// "x29: 0000ffffc8d7e5b0 " or "RAX: 0000…" at the start; false when it is something else.
struct Value {
  std::string_view name;
  uint64_t value = 0;
};

std::optional<Value> take_value(Words& words) {
  words.skip_blanks();
  Words inner = words;
  const std::string_view rest = inner.rest();
  size_t size = 0;
  while (size < rest.size() && size < 4 &&
         ((rest[size] >= '0' && rest[size] <= '9') || (rest[size] >= 'a' && rest[size] <= 'z') ||
          (rest[size] >= 'A' && rest[size] <= 'Z')))
    ++size;
  const std::string_view name = rest.substr(0, size);
  if (size < 2) return std::nullopt;
  inner.take(name);
  inner.skip_blanks();
  if (!inner.take(":")) return std::nullopt;
  inner.skip_blanks();
  if (name == "RIP" || name == "RSP") {  // "0033:0x401136": the segment first
    if (const auto segment = inner.take_until(":"); !segment || segment->size() != 4)
      return std::nullopt;
  }
  auto value = inner.take_hex();
  if (!value) value = inner.take_bare_hex();
  if (!value) return std::nullopt;
  words = inner;
  return Value{name, *value};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool take_registers(std::string_view line, process::KernelCrash& crash) {
  Words words(line);
  bool any = false;
  while (const auto value = take_value(words)) {
    any = true;
    std::string name = lower(value->name);
    const isa::Arch arch = crash.registers.arch();
    if (arch == isa::Arch::kX86_64 && name.size() == 3 && name[0] == 'r' && name[1] == '0')
      name = std::string("r") + name[2];  // "R08"
    if (name == "cr2") {
      crash.signal.address = Address(value->value);
      continue;
    }
    if (name == "pc") {
      crash.registers.set_pc(Address(value->value));
    } else if (name == "sp") {
      crash.registers.set_sp(Address(value->value));
    } else if (name == "lr") {
      crash.registers.set(isa::a64::kLr, value->value);
    } else if (const auto id = isa::register_by_name(arch, name)) {
      crash.registers.set(*id, value->value);
    }
  }
  return any;
}

bool is_around(std::string_view line) {
  return std::any_of(kAround.begin(), kAround.end(),
                     [&](std::string_view start) { return line.starts_with(start); });
}

}  // namespace

size_t take_arm_registers(TextLines lines, process::KernelCrash& crash) {
  size_t used = 0;
  while (used < std::min(lines.size(), kMaxLines)) {
    const std::string_view line = lines[used].text;
    if (line.starts_with("pc : ") || line.starts_with("sp : ") || line.starts_with("lr : ") ||
        line.starts_with("x") || line.starts_with("PC is at") || line.starts_with("LR is at")) {
      if (!take_registers(line, crash) && line.starts_with("x")) break;
    } else if (!is_around(line)) {
      break;
    }
    ++used;
  }
  return used;
}

size_t take_x86_registers(TextLines lines, process::KernelCrash& crash) {
  size_t used = 0;
  while (used < std::min(lines.size(), kMaxLines)) {
    const std::string_view line = lines[used].text;
    if (line.starts_with("Code: ")) {
      take_code(line, crash);
    } else if (!is_around(line) && !take_registers(line, crash)) {
      break;
    } else if (line.starts_with("CS: ")) {
      take_registers(line.substr(std::min(line.find("CR0"), line.size())), crash);
    }
    ++used;
  }
  return used;
}

}  // namespace inquest::diagnosis
