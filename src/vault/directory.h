// The directory of a vault: opened, held against who may be trusted with it, and listed.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
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

// Calls `take`, which answers as flock(2) and fcntl(2) do, until the lock is had. kUnavailable when
// somebody else still has it after `patience`; `what` is named in errors.
Status wait_for_lock(const std::function<int()>& take, std::chrono::milliseconds patience,
                     std::string_view what);

// The exclusive flock(2) on a file below the directory, made when it is not there. Held until the
// result goes.
Result<os::Fd> take_lock(os::Fs& fs, int directory, const std::string& name,
                         std::chrono::milliseconds patience);

}  // namespace inquest::vault
