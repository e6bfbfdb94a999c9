// The directory of a vault: opened, held against who may be trusted with it, and listed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "platform/os/fs.h"

namespace inquest::vault {

// Opens the directory, which is made with mode 0700 when `create`. Refused: a symbolic link in the
// last place, and a directory that others than its owner may write or that is not ours.
Result<os::Fd> open_directory(const std::string& path, bool create, bool read_only);

// A directory below an open one; made when `create`.
Result<os::Fd> open_below(os::Fs& fs, int directory, const std::string& name, bool create);

// Without "." and "..", sorted.
Result<std::vector<std::string>> list_names(int directory);

// flock(2) on a file below the directory, made when it is not there. Held until the result goes.
// take_lock() waits at most kMaxLockWait, for its holder may be stopped: then kUnavailable.
inline constexpr std::chrono::seconds kMaxLockWait{60};
enum class Lock : uint8_t { kShared, kExclusive };
Result<os::Fd> take_lock(os::Fs& fs, int directory, const std::string& name, Lock kind);
// kUnavailable at once when somebody else has it.
Result<os::Fd> try_lock(os::Fs& fs, int directory, const std::string& name, Lock kind);

}  // namespace inquest::vault
