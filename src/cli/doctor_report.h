// What `inquest doctor` prints.
#pragma once

#include <string>

#include "capture/doctor/examine.h"

namespace inquest::cli {

// `fd` is where it will be written: colour and width follow it.
std::string render_doctor_text(const doctor::Facts& facts, const doctor::Examination& examination,
                               int fd);
// See docs/formats/doctor.md.
std::string render_doctor_json(const doctor::Facts& facts, const doctor::Examination& examination);

}  // namespace inquest::cli
