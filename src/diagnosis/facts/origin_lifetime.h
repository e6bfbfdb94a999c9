// Blame for objects that were used after their end, freed twice, or written beyond: who frees such
// an object, and who hands local memory to others.
#pragma once

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/origin_code.h"
#include "diagnosis/facts/origin_trail.h"

namespace inquest::diagnosis {

// Do the facts speak for the object having been gone when it was used?
bool is_about_lifetime(const Facts& facts);

void blame_lifetime(OriginCode& code, const Facts& facts, OriginTrail& trail);

}  // namespace inquest::diagnosis
