// HTML of reports, for pages that hold one or several.
#pragma once

#include <string>
#include <string_view>

#include "diagnosis/report/report.h"

namespace inquest::diagnosis {

// The headline as <h1> and everything below it.
std::string html_body(const Report& report);
// A page that needs nothing else around `body`, which is HTML already; `title` is text.
std::string html_page(std::string_view title, std::string_view body, std::string_view version);
std::string html_escaped(std::string_view text);

}  // namespace inquest::diagnosis
