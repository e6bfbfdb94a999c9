// Keeps the directory of symbol indexes below a size.
#pragma once

#include <cstdint>
#include <string>

namespace inquest::process {

inline constexpr uint64_t kMaxSymbolCache = 2ull << 30;  // bytes on disk

// Deletes the indexes that were not used for longest until the rest takes at most three quarters of
// `max_bytes`, when all together take more, and the remains of writers that were killed. Others may
// use the directory meanwhile: a file that is gone is made again.
void limit_cache(const std::string& cache_dir, uint64_t max_bytes);

// The same, unless somebody did it within the last hour.
void limit_cache_sometimes(const std::string& cache_dir, uint64_t max_bytes);

// Says that the index at `path` was used. Once a day: reading must not become writing.
void mark_used(const std::string& path);

}  // namespace inquest::process
