// Facts as JSON and back: what `inquest explain --dump=facts` prints, and what a stored crash is
// judged again from.
//
// Every name stands in one place for both directions. Empty texts, empty lists and absent values
// are left out; addresses and register values are "0x…" strings, because 64 bits do not survive
// JavaScript. See docs/formats/report-json.md.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "diagnosis/facts/facts.h"
#include "platform/json/value.h"
#include "platform/json/writer.h"

namespace inquest::diagnosis {

// One JSON object: {"version": 1, "process": {…}, …}.
void write_json(json::JsonWriter& json, const Facts& facts);
std::string to_json(const Facts& facts,
                    json::JsonWriter::Style style = json::JsonWriter::Style::kPretty);

// Unknown names are passed over, so that a newer writer of the same version can be read. kCorrupt
// when the shape is wrong (with the path to it), kUnsupported for another version.
Result<Facts> facts_from_json(const json::JsonValue& value);
Result<Facts> facts_from_json(std::string_view text);

}  // namespace inquest::diagnosis
