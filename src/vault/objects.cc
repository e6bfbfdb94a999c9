#include "vault/objects.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "vault/directory.h"

namespace inquest::vault {
namespace {

constexpr size_t kMaxDamageNoted = 16;
constexpr size_t kMaxOpenPacks = 128;

}  // namespace

Status Objects::refresh() {
  INQ_TRY(const std::vector<std::string> names, list_names(packs_));
  std::set<std::string> present;
  for (const std::string& name : names) {
    if (name.ends_with(kPackSuffix)) present.insert(name);
  }
  std::vector<std::string> gone;
  for (const auto& [name, pack] : all_) {
    if (!present.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) forget(name);
  for (const std::string& name : present) {
    if (all_.contains(name)) continue;
    const Status added = add(name);
    // Removed between the two looks: as good as never seen.
    if (added.ok() || added.error().code() == ErrorCode::kNotFound) continue;
    const std::string note = fmt::format("packs/{}: {}", name, added.error().message());
    const bool known = std::find(damage_.begin(), damage_.end(), note) != damage_.end();
    if (!known && damage_.size() < kMaxDamageNoted) damage_.push_back(note);
  }
  if (std::exchange(lost_places_, false)) {
    for (auto& [name, pack] : all_) index_entries(pack);
  }
  return {};
}

Status Objects::add(const std::string& name) {
  INQ_TRY(const os::Fd fd, fs_->open_at(packs_, name, O_RDONLY | O_NONBLOCK));
  INQ_TRY(std::vector<PackEntry> entries, read_pack_table(fd.get()));
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return Error::io("cannot examine a pack", errno);
  Pack& pack = all_[name];
  pack.name = name;
  pack.bytes = static_cast<uint64_t>(info.st_blocks) * 512;
  pack.entries = std::move(entries);
  bytes_ += pack.bytes;
  index_entries(pack);
  return {};
}

void Objects::index_entries(Pack& pack) {
  for (size_t i = 0; i < pack.entries.size(); ++i) {
    places_.try_emplace(pack.entries[i].id, Place{&pack, static_cast<uint32_t>(i)});
  }
}

void Objects::adopt(const std::string& name, const PackWriter& writer) {
  Pack& pack = all_[name];
  pack.name = name;
  pack.bytes = (writer.bytes_written() + 4095) / 4096 * 4096;
  pack.entries = writer.entries();
  bytes_ += pack.bytes;
  index_entries(pack);
}

void Objects::forget(const std::string& name) {
  const auto found = all_.find(name);
  if (found == all_.end()) return;
  Pack& pack = found->second;
  bytes_ -= std::min(bytes_, pack.bytes);
  for (const PackEntry& entry : pack.entries) {
    const auto place = places_.find(entry.id);
    if (place != places_.end() && place->second.pack == &pack) places_.erase(place);
  }
  open_packs_ -= pack.fd.valid() ? 1 : 0;
  all_.erase(found);
  lost_places_ = true;
}

Status Objects::remove(const std::string& name) {
  INQ_TRY_STATUS(fs_->unlink_at(packs_, name));
  forget(name);
  return {};
}

const std::string* Objects::pack_of(const codec::Sha256Digest& id) const {
  const auto place = places_.find(id);
  return place == places_.end() ? nullptr : &place->second.pack->name;
}

Objects::Pack* Objects::pack(const std::string& name) {
  const auto found = all_.find(name);
  return found == all_.end() ? nullptr : &found->second;
}

Status Objects::open(Pack& pack) {
  if (pack.fd.valid()) return {};
  if (open_packs_ >= kMaxOpenPacks) {
    for (auto& [name, other] : all_) other.fd.reset();
    open_packs_ = 0;
  }
  INQ_TRY(pack.fd, fs_->open_at(packs_, pack.name, O_RDONLY | O_NONBLOCK));
  ++open_packs_;
  return {};
}

Result<Bytes> Objects::read_stored(Pack& pack, const PackEntry& entry) {
  INQ_TRY_STATUS(open(pack));
  Bytes bytes(entry.stored);
  INQ_TRY(const size_t got, os::pread_some(pack.fd.get(), bytes, entry.offset));
  if (got != bytes.size()) return Error(ErrorCode::kCorrupt, "a pack is cut short");
  return bytes;
}

Result<Bytes> Objects::read(const codec::Sha256Digest& id) {
  const auto place = places_.find(id);
  if (place == places_.end()) {
    return Error(ErrorCode::kNotFound, "a part of the evidence is not in the vault");
  }
  Bytes bytes(place->second.pack->entries[place->second.entry].size);
  INQ_TRY_STATUS(read(id, bytes));
  return bytes;
}

Status Objects::read(const codec::Sha256Digest& id, std::span<uint8_t> output) {
  const auto place = places_.find(id);
  if (place == places_.end()) {
    return Error(ErrorCode::kNotFound, "a part of the evidence is not in the vault");
  }
  Pack& pack = *place->second.pack;
  INQ_TRY_STATUS(open(pack));
  return read_object(pack.fd.get(), pack.entries[place->second.entry], output);
}

Result<Manifest> Objects::read_manifest(const codec::Sha256Digest& id) {
  INQ_TRY(const Bytes bytes, read(id));
  return parse_manifest(bytes);
}

}  // namespace inquest::vault
