// Text measured in terminal columns. Escape sequences of Painter (CSI … m) take none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inquest::term {

// Columns of one character: 0 for combining marks and controls, 2 for wide East Asian characters
// and emoji.
int character_width(char32_t code);
int display_width(std::string_view text);

// Hostile text made showable: invalid UTF-8 becomes U+FFFD, control characters (C0, DEL, C1) and
// bidirectional overrides, which could drive the terminal or disguise a name, become \xNN or
// \u{NNNN}. Tab becomes a space. New lines stay when `keep_lines`, else they become \n.
std::string printable(std::string_view text, bool keep_lines = false);

// Breaks at spaces into lines of at most `columns`; longer words stand alone, over-long. Existing
// line breaks stay. Lines after the first of each paragraph begin with `indent` spaces.
std::vector<std::string> wrap(std::string_view text, int columns, int indent = 0);

// At most `columns`, the last one "…" when something was cut. For text without styles.
std::string truncate(std::string_view text, int columns);
// The same, but the middle goes: the beginning and end of a path or a template name tell most.
std::string truncate_middle(std::string_view text, int columns);

// Filled with spaces up to `columns`.
std::string pad_right(std::string_view text, int columns);
std::string pad_left(std::string_view text, int columns);

}  // namespace inquest::term
