// What the writer of a dump put down besides memory: the system, and what the program had told its
// crash reporter.
#pragma once

#include <optional>
#include <string>

#include "diagnosis/facts/facts.h"
#include "process/image/process_image.h"

namespace inquest::diagnosis {

// The last words that the program left with its crash reporter, under a name that is known to hold
// them (Chromium's LOG_FATAL, Android's abort message).
std::optional<process::Annotation> told_last_words(const process::ProcessImage& image);

// Adds statements to facts.other.
void add_told(const process::ProcessImage& image, Facts& facts);

}  // namespace inquest::diagnosis
