// The further stacks that a tool's report shows: who allocated and freed, the other side of a race.
#pragma once

#include <vector>

#include "diagnosis/report/document.h"

namespace inquest::diagnosis {

// One section a stack, short ones unless the report is full.
std::vector<Section> compose_tool_stacks(const Report& report);

}  // namespace inquest::diagnosis
