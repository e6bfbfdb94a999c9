// TallyFile: crashes that are only counted, by kind. A file of fixed size, made when the vault is,
// so that counting never needs room.
#pragma once

#include <vector>

#include "platform/os/fs.h"
#include "vault/vault.h"

namespace inquest::vault {

inline constexpr size_t kTallySlots = 256;  // kinds; the last is for all that have no slot

// Of two times of which 0 says that it is not known.
int64_t earlier(int64_t a, int64_t b);

class TallyFile {
 public:
  // Whether it was made, as a whole.
  static bool is_there(int directory);
  static Result<TallyFile> open(os::Fs& fs, int directory, bool create);

  // More crashes of the kind `more.group`, here its whole name. The caller holds the vault's lock.
  // Durable when it returns.
  Status add(const Tally& more);
  // Those that are not zero.
  Result<std::vector<Tally>> read() const;

 private:
  TallyFile(os::Fs& fs, os::Fd fd) : fs_(&fs), fd_(std::move(fd)) {}

  os::Fs* fs_;
  os::Fd fd_;
};

}  // namespace inquest::vault
