// Objects: all packs of a vault as one store of content by SHA-256.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "vault/manifest.h"
#include "vault/pack.h"

namespace inquest::vault {

struct DigestHash {
  size_t operator()(const codec::Sha256Digest& digest) const {
    return static_cast<size_t>(*load<uint64_t>(digest));
  }
};

class Objects {
 public:
  struct Pack {
    std::string name;
    uint64_t bytes = 0;  // on disk
    std::vector<PackEntry> entries;
    os::Fd fd;  // opened on first use; keeps the file readable though it is removed
  };

  // `packs` is an open directory that must outlive it, and so must `fs`.
  Objects(os::Fs& fs, int packs) : fs_(&fs), packs_(packs) {}

  // Reads the tables of packs that came, forgets those that went. Damaged packs are noted.
  Status refresh();
  bool contains(const codec::Sha256Digest& id) const { return places_.contains(id); }
  // The pack that has it; nullptr when there is none.
  const std::string* pack_of(const codec::Sha256Digest& id) const;
  // kNotFound when no pack has it: refresh() may help, unless it was evicted.
  Result<Bytes> read(const codec::Sha256Digest& id);
  Status read(const codec::Sha256Digest& id, std::span<uint8_t> output);
  Result<Manifest> read_manifest(const codec::Sha256Digest& id);

  // In order of their names.
  const std::map<std::string, Pack>& packs() const { return all_; }
  // Bytes of all packs.
  uint64_t bytes() const { return bytes_; }
  const std::vector<std::string>& damage() const { return damage_; }

  // A pack that was just committed.
  void adopt(const std::string& name, const PackWriter& writer);
  // Removes a pack from the disk. The directory is to be synced by the caller; refresh() then finds
  // what other packs hold of the same.
  Status remove(const std::string& name);
  // The object as it stands in its pack.
  Result<Bytes> read_stored(Pack& pack, const PackEntry& entry);
  Pack* pack(const std::string& name);
  int directory() const { return packs_; }

 private:
  struct Place {
    Pack* pack = nullptr;
    uint32_t entry = 0;
  };
  Status add(const std::string& name);
  void forget(const std::string& name);
  void index_entries(Pack& pack);
  Status open(Pack& pack);

  os::Fs* fs_;
  int packs_;
  std::map<std::string, Pack> all_;
  std::unordered_map<codec::Sha256Digest, Place, DigestHash> places_;
  uint64_t bytes_ = 0;
  size_t open_packs_ = 0;
  bool lost_places_ = false;  // objects of packs that went may be in others too
  std::vector<std::string> damage_;
};

}  // namespace inquest::vault
