// What a program is, from its ELF file.
#pragma once

#include <string>

#include "capture/doctor/target.h"

namespace inquest::doctor {

// `file` is where its bytes are read, `path` what it is called.
Program read_program(const std::string& file, const std::string& path);

}  // namespace inquest::doctor
