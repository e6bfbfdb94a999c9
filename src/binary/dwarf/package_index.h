// PackageIndex: .debug_cu_index or .debug_tu_index of a .dwp file (DWARF 5 section 7.3.5.3; GNU
// version 2).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace inquest::dwarf {

class PackageIndex {
 public:
  PackageIndex() = default;
  // A damaged index finds nothing.
  explicit PackageIndex(ByteView bytes);

  struct Contribution {
    uint32_t section = 0;  // DW_SECT_*
    uint64_t offset = 0, size = 0;
  };
  // The row of this dwo_id or type signature; empty when there is none.
  std::vector<Contribution> find(uint64_t signature) const;
  uint32_t version() const { return version_; }

 private:
  ByteView bytes_;
  uint32_t version_ = 0;
  uint32_t columns_ = 0, rows_ = 0, slots_ = 0;
};

}  // namespace inquest::dwarf
