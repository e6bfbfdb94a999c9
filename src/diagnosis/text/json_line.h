// Lines that a logger wrote as JSON: journalctl -o json, docker's json-file, structured loggers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace inquest::diagnosis {

struct JsonMessage {
  std::string text;    // decoded; may hold several lines
  std::string writer;  // who wrote it, when the record says it
};

// The message of a record. nullopt when the line is no JSON object or holds no message. Reads what
// it can of a record that is cut off.
std::optional<JsonMessage> json_message(std::string_view line);

// Cheap: whether json_message() is worth a try.
bool may_be_json(std::string_view line);

}  // namespace inquest::diagnosis
