// Sparse files: where a file has data and where it only says zero. A core of 20 GiB often has 20
// MiB.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace inquest::os {

// [offset, offset + size) of a file.
struct Extent {
  uint64_t offset = 0;
  uint64_t size = 0;

  bool operator==(const Extent&) const = default;
};

struct DataExtents {
  std::vector<Extent> extents;  // ascending, not touching
  bool complete =
      true;  // false: more than `max_extents`; the last one then reaches to the end of file
};

// The parts that hold data, by SEEK_DATA and SEEK_HOLE. A file system without them answers one
// extent: all. Moves the file offset of `fd`.
Result<DataExtents> data_extents(int fd, size_t max_extents = 1'000'000);

}  // namespace inquest::os
