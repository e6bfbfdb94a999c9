// KernelCrash: what one line of the kernel's log says of a process that died, as a ProcessImage.
//
// Such a line names the faulting address, pc and sp, the mapping of the code and, on most kernels,
// the bytes around pc. Everything else is unknown, and stays unknown in the image.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "binary/isa/registers.h"
#include "process/image/process_image.h"

namespace inquest::process {

struct KernelCrash {
  std::string command;  // of the thread: up to 15 bytes
  int32_t tid = 0;
  Signal signal;
  isa::RegisterFile registers;  // pc and sp at least

  // The mapping of the pc: the last part of its file's path, where it lies, and, on kernels from
  // 6.6 on, the offset in the file of its start.
  std::string module;
  std::optional<AddressRange> mapping;
  std::optional<uint64_t> file_offset;

  Bytes code;  // of the process, from code_start on; empty when not printed
  Address code_start;

  // What the access was to be, and whether a page was there that did not allow it.
  enum class Wanted : uint8_t { kUnknown, kRead, kWrite, kExecute };
  Wanted wanted = Wanted::kUnknown;
  std::optional<bool> page_present;
};

struct KernelCrashImage {
  ProcessImage image;
  // Registers that the line does not tell: worked out from the instruction and the address.
  std::vector<isa::RegisterId> computed;
  // `program` fits the line and may stand for the module. Its build-id cannot be held against
  // anything.
  bool program_fits = false;
};

// `program`: the file that the user says crashed; used when its name is the module's (or the line
// names no module) and its segments and code agree with the line. Why not is said in the image's
// notes. `source` is the name of the text, for people.
KernelCrashImage image_of_kernel_crash(const KernelCrash& crash, const std::string& program,
                                       const std::string& source);

}  // namespace inquest::process
