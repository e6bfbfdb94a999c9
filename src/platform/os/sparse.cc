#include "platform/os/sparse.h"

#include <unistd.h>

#include <cerrno>

#include "platform/os/mapped_file.h"

namespace inquest::os {

Result<DataExtents> data_extents(int fd, size_t max_extents) {
  INQ_TRY(const FileIdentity identity, identify(fd));
  DataExtents result;
  uint64_t position = 0;
  while (position < identity.size) {
    const off_t data = ::lseek(fd, static_cast<off_t>(position), SEEK_DATA);
    if (data < 0) {
      if (errno == ENXIO) break;  // only a hole is left
      if (errno != EINVAL) return Error::io("cannot find the data of a sparse file", errno);
      result.extents.push_back({position, identity.size - position});
      break;
    }
    const auto start = static_cast<uint64_t>(data);
    if (result.extents.size() + 1 >= max_extents) {
      result.extents.push_back({start, identity.size - start});
      result.complete = false;
      break;
    }
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    const uint64_t end = hole < 0 ? identity.size : static_cast<uint64_t>(hole);
    if (end <= start) break;  // the file shrank under us
    result.extents.push_back({start, end - start});
    position = end;
  }
  return result;
}

}  // namespace inquest::os
