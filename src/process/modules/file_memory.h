// FileMemory: the core's bytes first, then those of files that are what was mapped, else the
// reason.
#pragma once

#include <functional>

#include "process/modules/modules.h"

namespace inquest::process {

class FileMemory final : public MemoryReader {
 public:
  // Both must outlive this. `find` answers the module at an address.
  FileMemory(const ProcessImage& image, std::function<const Module*(Address)> find)
      : image_(image), find_(std::move(find)) {}

  ByteView view(Address address, uint64_t max) const override;
  Missing why_missing(Address address) const override;
  void will_scan(ByteView bytes) const override { image_.memory->will_scan(bytes); }
  void done_with(ByteView bytes) const override { image_.memory->done_with(bytes); }

 private:
  // The bytes of a file that must equal memory at `address`: of a segment that is not writable.
  ByteView in_file(const Module& module, Address address, uint64_t max) const;

  const ProcessImage& image_;
  std::function<const Module*(Address)> find_;
};

}  // namespace inquest::process
