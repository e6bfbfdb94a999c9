// trace_origin: where the bad value came from, and who is to blame.
#pragma once

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// Of the fault or abort that `facts` describes; its crashing stack and user place are known.
OriginFacts trace_origin(const Site& site, const Facts& facts);

}  // namespace inquest::diagnosis
