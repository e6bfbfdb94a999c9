// Pieces of the kernel's lines about processes that died.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "diagnosis/text/format.h"
#include "diagnosis/text/words.h"
#include "process/input/kernel_crash.h"

namespace inquest::diagnosis {

// "node[13311]" at the end of `text`: the name may hold blanks and brackets.
struct TaskName {
  std::string_view name;
  int32_t tid = 0;
};
std::optional<TaskName> task_at_end(std::string_view text);

// " in node[1d55a72,b72000+1a8c000]" or " in prog[400000+1000]" at the start of `text`, into
// `crash`; false when the line names no mapping. What follows it goes to `rest`.
bool take_mapping(std::string_view text, process::KernelCrash& crash, std::string_view& rest);

// "Code: 48 8b <8b> 40 38": false when the line holds none. Its marked byte lies at the pc.
bool take_code(std::string_view text, process::KernelCrash& crash);

// The report's facts that do not need the engine.
void set_kernel_facts(const process::KernelCrash& crash, std::string error, TextReport& report);

}  // namespace inquest::diagnosis
