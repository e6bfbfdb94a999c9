// Source excerpts: lines around a place, when the file is at hand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace inquest::diagnosis {

inline constexpr uint32_t kSourceLinesBefore = 3;
inline constexpr uint32_t kSourceLinesAfter = 2;
inline constexpr size_t kMaxSourceLine = 200;                 // bytes, cut beyond
inline constexpr uint64_t kMaxSourceFile = 16 * 1024 * 1024;  // larger files are not read

// The lines around `line` (1-based) as "  41 | code". The file is looked for as recorded, then by
// ever shorter tails of its path below `base_directory` (empty: the current directory). Empty when
// it is not found, has no such line, or may hold a secret: not all may read it and it is no source
// by its name, or only root may read it. A file that was changed after `binary` (when that is
// given) may say something else by now: then one line says so instead.
std::vector<std::string> source_excerpt(const std::string& file, uint32_t line,
                                        const std::string& base_directory = {},
                                        const std::string& binary = {});

}  // namespace inquest::diagnosis
