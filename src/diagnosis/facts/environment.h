// Environment variables of the dead process, from the top of its main stack.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "process/image/process_image.h"

namespace inquest::diagnosis {

inline constexpr uint64_t kMaxEnvironment = 256 * 1024;  // bytes that are searched

// The value of `name`; nullopt when it was not set or that part of the stack is not in the dump.
std::optional<std::string> environment_variable(const process::ProcessImage& image,
                                                std::string_view name);

// glibc's malloc.perturb: new memory is filled with its complement and freed memory with it. 0 or
// nullopt: not in use.
std::optional<uint8_t> malloc_perturb_byte(const process::ProcessImage& image);

}  // namespace inquest::diagnosis
