// PackHolds: packs that must stay while evidence that counts on what is in them is on its way. Held
// by flock(2) on the packs themselves, shared by any number; who removes one takes it exclusively.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "platform/os/fs.h"

namespace inquest::vault {

// Each takes a descriptor: what lies in further packs is stored once more.
inline constexpr size_t kMaxPackHolds = 256;

class PackHolds {
 public:
  // `packs` is an open directory; it and `fs` must outlive this.
  PackHolds(os::Fs& fs, int packs) : fs_(&fs), packs_(packs) {}

  // Whether the pack is there, and stays until this goes.
  bool hold(const std::string& name);

 private:
  os::Fs* fs_;
  int packs_;
  std::map<std::string, os::Fd> held_;
};

// The right to remove a pack, as long as the result lives; nullopt when somebody holds it.
std::optional<os::Fd> hold_to_remove(os::Fs& fs, int packs, const std::string& name);

}  // namespace inquest::vault
