// What is done with a crash that was just captured: the analysis while the process is held, and the
// explanation of its record.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "process/image/memory.h"

namespace inquest::cli {

// Reads the process as its record will be read later, so that what is read is kept. For
// capture::CaptureOptions::analyse.
void analyse_held(ByteView notes, std::unique_ptr<process::MemoryReader> memory);

struct CrashExplanation {
  std::string signature, title;  // of diagnosis/signature
  std::string headline;          // the verdict in a sentence
  std::string text;              // the first screen
  std::string report;            // JSON
};

// `name`: what the report calls the record.
Result<CrashExplanation> explain_record(ByteView record, const std::string& name);

// From one process to another.
std::string to_json(const CrashExplanation& explanation);
Result<CrashExplanation> explanation_from(std::string_view json);

}  // namespace inquest::cli
