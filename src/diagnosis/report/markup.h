// Markdown from text that somebody else wrote. Internal to this room.
#pragma once

#include <string>

namespace inquest::diagnosis {

// Text from the evidence must not become markup. Between backticks nothing is.
std::string escape_markdown(const std::string& text);

// A fence longer than any run of backticks inside.
std::string fenced(const std::string& body);

}  // namespace inquest::diagnosis
