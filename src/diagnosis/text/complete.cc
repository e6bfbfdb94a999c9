#include "diagnosis/text/complete.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "diagnosis/facts/poison.h"
#include "diagnosis/facts/roles.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/facts/user_place.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kNullPages = 64 * 1024;
constexpr uint64_t kSmallInteger = 1024 * 1024;
constexpr uint64_t kUserEnd = 0x0000'8000'0000'0000;  // of x86-64 with 4-level page tables
constexpr uint64_t kKernelStart = 0xffff'8000'0000'0000;

// The module that holds main(), or failing that the first that is no part of the system.
// By its name: libshop.so.1, shop.node.
bool is_library_file(std::string_view path) {
  const std::string_view name = path.substr(path.find_last_of("/\\") + 1);
  return name.ends_with(".node") || name.find(".so") != std::string_view::npos ||
         name.ends_with(".dylib") || name.ends_with(".dll");
}

std::string main_module(const Facts& facts) {
  std::string first;
  for (const FrameFact& frame : facts.crashing.frames) {
    if (frame.module.empty() || frame.module.starts_with('[')) continue;  // "[stack]", "[vdso]"
    for (const FunctionFact& function : frame.functions) {
      if (function.short_name == "main" || function.short_name == "_start") return frame.module;
    }
    const bool is_library = is_system_library(frame.module) || is_library_file(frame.module);
    if (first.empty() && !is_library) first = frame.module;
  }
  return first;
}

CodeRole role_in(const FrameFact& frame, const FunctionFact& function, const std::string& main) {
  const CodeRole role = role_of({.short_name = function.short_name,
                                 .linkage_name = {},
                                 .file = function.file,
                                 .module_path = frame.module,
                                 .module_is_main = !main.empty() && frame.module == main,
                                 .module_is_vdso = frame.module.find("vdso") != std::string::npos ||
                                                   frame.module.starts_with("linux-gate")});
  // A place in a source file without a function's name, as UBSan prints it.
  if (role == CodeRole::kUnknown && !function.file.empty()) return CodeRole::kUser;
  return role;
}

void set_roles(StackFacts& stack, const std::string& main) {
  for (FrameFact& frame : stack.frames) {
    if (frame.functions.empty()) frame.functions.emplace_back();
    if (is_python_interpreter(frame.module)) frame.run_time = "Python";
    for (FunctionFact& function : frame.functions) {
      if (function.role == CodeRole::kUnknown) function.role = role_in(frame, function, main);
    }
  }
}

void set_all_roles(Facts& facts, const std::string& main) {
  set_roles(facts.crashing, main);
  for (StackFacts& other : facts.others) set_roles(other, main);
  if (facts.reported) {
    for (StackFacts& related : facts.reported->related) set_roles(related, main);
  }
  if (!facts.heap) return;
  for (AllocationFact& allocation : facts.heap->allocations) {
    if (allocation.allocated) set_roles(*allocation.allocated, main);
    if (allocation.freed) set_roles(*allocation.freed, main);
  }
}

// "node 18.20.8" tells whose frames those of "/usr/bin/node" are.
void mark_javascript(Facts& facts) {
  for (const std::string_view name : {"node", "bun", "deno", "electron"}) {
    if (!facts.process.runtime.starts_with(name)) continue;
    for (FrameFact& frame : facts.crashing.frames) {
      const size_t slash = frame.module.rfind('/');
      const std::string_view module = std::string_view(frame.module).substr(slash + 1);
      if (module == name) frame.run_time = "JavaScript";
    }
  }
}

void add_modules(Facts& facts) {
  for (const FrameFact& frame : facts.crashing.frames) {
    if (frame.module.empty()) continue;
    const bool known =
        std::any_of(facts.modules.begin(), facts.modules.end(),
                    [&](const ModuleFact& module) { return module.path == frame.module; });
    if (known) continue;
    ModuleFact module;
    module.path = frame.module;
    module.build_id = frame.build_id;
    module.on_crash_path = true;
    module.has_symbols = !frame.functions.back().name.empty();
    module.has_debug_info = !frame.functions.back().file.empty();
    facts.modules.push_back(std::move(module));
  }
}

std::string language_of(const FunctionFact& function) {
  const std::string& file = function.file;
  const size_t dot = file.rfind('.');
  const std::string_view extension =
      dot == std::string::npos ? "" : std::string_view(file).substr(dot + 1);
  if (extension == "c") return "C";
  if (extension == "rs") return "Rust";
  if (extension == "go") return "Go";
  if (extension == "cc" || extension == "cpp" || extension == "cxx" || extension == "hpp" ||
      function.name.find("::") != std::string::npos || function.name.ends_with(')'))
    return "C++";
  return "unknown";
}

bool ran_out_of_stack(const Facts& facts) {
  if (facts.fault && facts.fault->stack_pointer_in_guard) return true;
  if (!facts.reported) return false;
  const std::string& error = facts.reported->error;
  return error.find("stack-overflow") != std::string::npos ||
         error.find("tack overflow") != std::string::npos;
}

// Of a recursion that used up the stack any leaf may be the one that ran into its end: the frames
// that repeat matter.
size_t frame_of_interest(const Facts& facts) {
  const auto& cycle = facts.crashing.cycle;
  if (cycle && cycle->first > facts.crash_frame && ran_out_of_stack(facts)) {
    const auto place = find_user_place(facts.crashing, cycle->first);
    if (place && place->frame < cycle->first + cycle->period) return cycle->first;
  }
  return facts.crash_frame;
}

}  // namespace

void complete_facts(Facts& facts) {
  ProcessFacts& process = facts.process;
  const std::string main = process.executable.empty() ? main_module(facts) : process.executable;
  if (process.executable.empty()) process.executable = main;
  if (process.command.empty()) process.command = main.substr(main.find_last_of("/\\") + 1);
  set_all_roles(facts, main);
  add_modules(facts);
  if (facts.abort.kind != AbortFacts::Kind::kNone) {
    facts.crash_frame = first_frame_below_abort(facts.crashing, facts.crash_frame);
  }
  set_places(frame_of_interest(facts), facts);
  if (const auto open = facts.open_frame(); open && process.language.empty())
    process.language = language_of(facts.crashing.frames[*open].functions[facts.open_function()]);
  if (process.language.empty()) process.language = "unknown";
  // After the places: in a text the frame to open is the innermost that has a name.
  mark_javascript(facts);
  if (facts.crashing.end.empty()) facts.crashing.end = "complete";
  if (process.thread_count == 0 && !facts.others.empty()) {
    process.thread_count = 1 + facts.others.size();
  }
}

void set_signal(Facts& facts, int number, std::optional<int> code, std::optional<Address> address) {
  facts.signal.number = number;
  facts.signal.name = number == 0 ? std::string() : signal_name(number);
  facts.signal.code = code;
  if (code) {
    facts.signal.code_name = signal_code_name(number, *code);
    facts.signal.meaning = signal_code_meaning(number, *code);
  }
  facts.signal.address = address;
}

int signal_number_of(std::string_view name) {
  for (int number = 1; number < 32; ++number) {
    const std::string full = signal_name(number);
    if (name == full || (full.size() > 3 && name == std::string_view(full).substr(3)))
      return number;
  }
  return 0;
}

AddressFacts bare_address_facts(Address address) {
  AddressFacts facts;
  facts.address = address;
  const uint64_t value = address.value;
  if (value == 0) {
    facts.traits = {AddressTrait::kNull};
    facts.statement = "it is null";
    return facts;
  }
  if (value < kNullPages) {
    facts.traits = {AddressTrait::kNearNull, AddressTrait::kSmallInteger};
    facts.statement =
        fmt::format("{} lies {} bytes behind null, in pages that no program has mapped",
                    to_hex(address), value);
    return facts;
  }
  if (value < kSmallInteger) facts.traits.push_back(AddressTrait::kSmallInteger);
  if (value >= kKernelStart) {
    facts.traits.push_back(AddressTrait::kKernelHalf);
    facts.statement = fmt::format("{} lies in the kernel's half of the addresses", to_hex(address));
  } else if (value >= kUserEnd) {
    facts.traits.push_back(AddressTrait::kNonCanonical);
    facts.statement = fmt::format("{} is no address that the processor accepts", to_hex(address));
  }
  if (const auto poison = find_poison(value)) {
    facts.traits.push_back(AddressTrait::kPoison);
    facts.poison_name = poison->name;
    facts.statement = fmt::format("{} is the fill pattern of {}", to_hex(address), poison->name);
  }
  return facts;
}

void set_fault(Facts& facts, AccessKind access, std::optional<Address> address,
               std::optional<Address> pc) {
  FaultFacts& fault = facts.fault.emplace();
  fault.why_not_decoded = "the text holds no code";
  fault.pc = pc.value_or(Address());
  fault.address = address;
  fault.access = access;
  if (access == AccessKind::kNone && address && pc && *address == *pc)
    fault.access = AccessKind::kExecute;
  fault.pc_is_bad = fault.access == AccessKind::kExecute;
  fault.kind = fault.pc_is_bad                ? "jump"
               : access == AccessKind::kRead  ? "load"
               : access == AccessKind::kWrite ? "store"
                                              : "other";
  if (address) fault.address_facts = bare_address_facts(*address);
  if (fault.pc_is_bad && address) fault.pc_facts = fault.address_facts;
}

}  // namespace inquest::diagnosis
