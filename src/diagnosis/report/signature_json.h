// A signature as an object of a larger JSON document.
#pragma once

#include "diagnosis/signature/signature.h"
#include "platform/json/writer.h"

namespace inquest::diagnosis {

void write_signature(json::JsonWriter& json, const Signature& signature);

}  // namespace inquest::diagnosis
