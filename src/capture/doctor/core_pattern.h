// What the kernel does with a core: /proc/sys/kernel/core_pattern taken apart. Source: core(5),
// fs/coredump.c.
#pragma once

#include <string>
#include <string_view>

namespace inquest::doctor {

struct CorePattern {
  enum class Kind {
    kNothing,  // an empty pattern: cores are named by core_uses_pid alone, or not at all
    kFile,
    kPipe,    // "|PROGRAM ARGUMENTS"
    kSocket,  // "@PATH" (6.16 and later: "@@PATH")
  };
  Kind kind = Kind::kNothing;
  std::string text;    // as it stands there
  std::string target;  // the file, the program or the socket, with its % specifiers
  // A file without a leading slash lies in the working directory of the process that crashes.
  bool is_relative = false;
  // The kernel keeps this many bytes and drops the rest without a word; a pattern that fills them
  // may have been longer.
  bool may_be_cut = false;
};

inline constexpr size_t kMaxCorePattern = 127;  // bytes: CORENAME_MAX_SIZE less the NUL

CorePattern parse_core_pattern(std::string_view text);

// systemd-coredump, apport, abrt or inquest, when the program of a pipe is one of them; else empty.
std::string_view handler_of(const CorePattern& pattern);

}  // namespace inquest::doctor
