// TallyFile: crashes that are only counted, by kind. A file of fixed size, made when the vault is,
// so that counting never needs room.
#pragma once

#include <string>
#include <vector>

#include "platform/os/fs.h"
#include "vault/vault.h"

namespace inquest::vault {

inline constexpr size_t kTallySlots = 256;  // kinds; the last is for all that have no slot

class TallyFile {
 public:
  static Result<TallyFile> open(os::Fs& fs, int directory, bool create);

  enum class Why : uint8_t { kCounted, kLost };
  // The caller holds the vault's lock. Durable when it returns.
  Status add(const std::string& group, Why why, int64_t time_ns, uint64_t count = 1);
  // Those that are not zero.
  Result<std::vector<Tally>> read() const;

 private:
  TallyFile(os::Fs& fs, os::Fd fd) : fs_(&fs), fd_(std::move(fd)) {}

  os::Fs* fs_;
  os::Fd fd_;
};

}  // namespace inquest::vault
