// What looks like a secret in a command line, an environment or a path, replaced before it is kept.
// Rules over names and shapes: docs/formats/slim-record.md lists them. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inquest {

inline constexpr std::string_view kScrubbed = "[scrubbed]";

// Does a variable or option of this name hold a secret? "DB_PASSWORD", "--api-key", "AUTH_TOKEN".
bool is_secret_name(std::string_view name);
// Does the text look like one whatever it is called: a JWT, a key of a well-known provider, PEM?
bool is_secret_value(std::string_view value);

// "NAME=value" with the value replaced when it is secret; passwords inside URLs are always
// replaced.
std::string scrub_variable(std::string_view entry);
// The words of a command line: values of secret options ("--token=x", "--token x") and secrets.
std::vector<std::string> scrub_words(const std::vector<std::string>& words);
// Passwords in URLs and secrets of well-known shapes inside any text (a line of a log).
std::string scrub_text(std::string_view text);

}  // namespace inquest
