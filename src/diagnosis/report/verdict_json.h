// The verdict as JSON: docs/formats/report-json.md.
#pragma once

#include "diagnosis/verdict/verdict.h"
#include "platform/json/writer.h"

namespace inquest::diagnosis {

// Writes one JSON object.
void write_verdict(json::JsonWriter& json, const Verdict& verdict);

}  // namespace inquest::diagnosis
