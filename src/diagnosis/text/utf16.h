// Logs that Windows tools wrote: UTF-16 with its mark.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace inquest::diagnosis {

// `text` as UTF-8; nullopt when it does not begin with the mark of UTF-16. Units that belong to no
// character become U+FFFD. Of a very large text only the first 512 MiB are read.
std::optional<std::string> from_utf16(std::string_view text);

}  // namespace inquest::diagnosis
