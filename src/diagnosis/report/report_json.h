// The JSON object of a report, for those that hold several.
#pragma once

#include "diagnosis/report/report.h"
#include "platform/json/writer.h"

namespace inquest::diagnosis {

void write_report(json::JsonWriter& json, const Report& report);

}  // namespace inquest::diagnosis
