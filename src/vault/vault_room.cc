// Room in a vault: how much there is, who gives his up, and what nothing refers to any more.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "vault/retention.h"
#include "vault/vault_impl.h"

namespace inquest::vault {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
// A pack is written anew when so much of it is dead.
constexpr uint64_t kLeastDead = 64 << 10;
constexpr uint64_t kLeastCompaction = 1 << 20;  // bytes of index worth a compaction

struct Space {
  uint64_t size = 0, available = 0;
};

Space space_of(int directory) {
  struct statvfs info = {};
  if (::fstatvfs(directory, &info) != 0) return {};
  return {uint64_t{info.f_blocks} * info.f_frsize, uint64_t{info.f_bavail} * info.f_frsize};
}

uint64_t less(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

// Of an index that holds these records.
uint64_t size_of(const std::vector<std::string>& records) {
  uint64_t size = kIndexHeaderBytes;
  for (const std::string& record : records) {
    size += record.size() + kFrameHeaderBytes + kFrameAlignment;
  }
  return size;
}

// Entries of a pack that are wanted and not in an earlier pack.
std::vector<const PackEntry*> live_entries(
    const Objects::Pack& pack, const LiveObjects& live,
    std::unordered_set<codec::Sha256Digest, DigestHash>& seen) {
  std::vector<const PackEntry*> entries;
  for (const PackEntry& entry : pack.entries) {
    if (live.contains(entry.id) && seen.insert(entry.id).second) entries.push_back(&entry);
  }
  return entries;
}

}  // namespace

uint64_t Vault::Impl::quota() const {
  if (options.quota != 0) return options.quota;
  return std::min(space_of(root.get()).size / 10, 4 * kGiB);
}

uint64_t Vault::Impl::budget(Role role) const {
  const Space space = space_of(root.get());
  const uint64_t whole = quota();
  uint64_t left = less(whole, objects->bytes() + index->size() + reserve_bytes());
  uint64_t available = space.available;
  // Full cores leave something to slim records, and to everybody else.
  if (is_heavy(role)) {
    left = less(left, whole / 16);
    available = less(available, options.keep_free.value_or(std::min(space.size / 20, kGiB)));
  }
  return std::min(left, available);
}

Status Vault::Impl::evict_one(const Eviction& eviction, const std::string& why, LiveObjects& live,
                              Freed& freed) {
  const auto& [id, names, stored] = eviction;
  // Held until the record is there: who leases the case afterwards sees that it is gone.
  const auto alone = leases->exclude(id);
  if (!alone.ok()) return {};
  INQ_TRY_STATUS(append(evict_record(id, names, why)));
  for (const std::string& name : names) live.release(catalog.find(id)->find(name)->manifest);
  freed.evicted += names.size();
  return {};
}

Result<bool> Vault::Impl::make_room(uint64_t bytes, Freed& freed) {
  const auto packs = take_lock(*fs, root.get(), kPackLock, {});
  if (!packs.ok()) {
    freed.busy = true;
    return false;
  }
  INQ_TRY(const os::Fd held, lock());
  INQ_TRY_STATUS(objects->refresh());
  // Garbage that is there anyway comes first.
  const uint64_t before = objects->bytes();
  INQ_TRY(LiveObjects live, LiveObjects::of(*objects, catalog.cases()));
  INQ_TRY_STATUS(sweep(live, freed));
  const uint64_t swept = less(before, objects->bytes());
  if (swept >= bytes) return true;
  return evict(bytes - swept, Willing::kOnlyIfEnough, live, freed);
}

Result<bool> Vault::Impl::evict(uint64_t bytes, Willing willing, LiveObjects& live, Freed& freed) {
  const uint64_t before = objects->bytes();
  const auto order =
      eviction_order(catalog.cases(), [&](const CaseId& id) { return leases->is_held(id); });
  uint64_t possible = 0;
  for (const Eviction& eviction : order) possible += eviction.stored;
  if (possible < bytes && willing == Willing::kOnlyIfEnough) return false;
  uint64_t promised = 0;
  for (const Eviction& eviction : order) {
    INQ_TRY_STATUS(evict_one(eviction, "given up to make room for other crashes", live, freed));
    promised += eviction.stored;
    if (promised < bytes) continue;
    INQ_TRY_STATUS(sweep(live, freed));
    // Pieces that others share did not go: less than promised became free. What is in use just now
    // will, which is enough for those who need the room later.
    const uint64_t free = less(before, objects->bytes());
    promised = free;
    if (willing == Willing::kAsFarAsPossible) promised += freed.bytes_in_use;
    if (promised >= bytes) return free >= bytes;
  }
  INQ_TRY_STATUS(sweep(live, freed));
  return less(before, objects->bytes()) >= bytes;
}

Status Vault::Impl::sweep(const LiveObjects& live, Freed& freed) {
  const uint64_t before = objects->bytes();
  const uint64_t removed_before = freed.packs_removed;
  freed.packs_in_use = freed.bytes_in_use = 0;
  std::unordered_set<codec::Sha256Digest, DigestHash> seen;
  std::vector<std::string> names;
  for (const auto& [name, pack] : objects->packs()) names.push_back(name);
  for (const std::string& name : names) {
    Objects::Pack& pack = *objects->pack(name);
    const std::vector<const PackEntry*> entries = live_entries(pack, live, seen);
    uint64_t kept = 0, all = 0;
    for (const PackEntry* entry : entries) kept += entry->stored;
    for (const PackEntry& entry : pack.entries) all += entry.stored;
    const bool worth = all - kept >= std::max(kLeastDead, all / 4);
    if (!entries.empty() && !worth) continue;
    const auto ours = hold_to_remove(*fs, pack_directory.get(), name);
    if (!ours) {
      ++freed.packs_in_use;
      freed.bytes_in_use += all - kept;
      continue;
    }
    if (!entries.empty()) {
      const auto rewrite = [&]() -> Status {
        INQ_TRY(PackWriter writer, PackWriter::create(*fs, pack_directory.get()));
        for (const PackEntry* entry : entries) {
          INQ_TRY(const Bytes bytes, objects->read_stored(pack, *entry));
          INQ_TRY_STATUS(writer.add(entry->id, bytes, entry->size));
        }
        INQ_TRY(const std::string fresh, new_pack_name());
        INQ_TRY_STATUS(writer.commit(fresh));
        objects->adopt(fresh, writer);
        return {};
      };
      // Without room for the new pack the old one stays.
      if (!rewrite().ok()) continue;
      ++freed.packs_rewritten;
    }
    INQ_TRY_STATUS(objects->remove(name));
    ++freed.packs_removed;
  }
  if (freed.packs_removed > removed_before) {
    INQ_TRY_STATUS(fs->sync(pack_directory.get()));
    INQ_TRY_STATUS(objects->refresh());
  }
  freed.bytes += less(before, objects->bytes());
  return {};
}

uint64_t Vault::Impl::index_limit() const { return std::max(quota() / 8, kLeastCompaction); }

bool Vault::Impl::index_is_too_large() const { return index->size() > index_limit(); }

Status Vault::Impl::shrink_index() {
  const auto in_use = [&](const CaseId& id) { return leases->is_held(id); };
  Catalog left = catalog;
  std::vector<std::string> records = left.records();
  std::map<std::string, Tally> folded;  // by kind
  const size_t most = tally ? kHeadersKeptLast : 0;
  for (size_t newest = most; newest > 0 && size_of(records) > index_limit() / 2; newest /= 2) {
    std::vector<CaseId> ids;
    for (const auto& [group, cases] : foldable_headers(left.cases(), newest, in_use)) {
      for (const Case* one : cases) {
        ids.push_back(one->id);
        Tally& count = folded.try_emplace(group, Tally{.group = group}).first->second;
        ++count.counted;
        count.first_ns = earlier(count.first_ns, one->header.time_ns);
        count.last_ns = std::max(count.last_ns, one->header.time_ns);
      }
    }
    for (const CaseId& id : ids) INQ_TRY_STATUS(left.apply(remove_record(id)));
    left.settle();
    records = left.records();
  }
  if (size_of(records) >= index->size()) return {};  // that would be no gain
  // When power is lost between the two, they are counted and still there.
  const auto count_folded = [&]() -> Status {
    for (const auto& [group, count] : folded) INQ_TRY_STATUS(tally->add(count));
    return {};
  };
  INQ_TRY_STATUS(index->rewrite(records, count_folded));
  catalog = std::move(left);
  return {};
}

Status Vault::Impl::tidy_index() {
  std::vector<CaseId> interrupted;
  for (const Case& one : catalog.cases()) {
    const bool open = one.state == State::kReceiving;
    if (open && !leases->is_held(one.id)) interrupted.push_back(one.id);
  }
  for (const CaseId& id : interrupted) {
    INQ_TRY_STATUS(append(finish_record(id, State::kTruncated)));
  }
  const bool is_history =
      index->size() >= kLeastCompaction && index->size() >= 2 * size_of(catalog.records());
  return is_history || index_is_too_large() ? shrink_index() : Status();
}

Result<Freed> Vault::collect_garbage(std::optional<int64_t> full_before_ns) {
  Freed freed;
  Impl& vault = *impl_;
  const auto packs = take_lock(*vault.fs, vault.root.get(), kPackLock, {});
  freed.busy = !packs.ok();
  if (freed.busy) return freed;
  INQ_TRY(const os::Fd held, vault.lock());
  INQ_TRY_STATUS(vault.tidy_index());
  // Names of unfinished packs that nobody holds are left over from writers that died.
  INQ_TRY(const auto names, list_names(vault.pack_directory.get()));
  for (const std::string& name : names) {
    if (!name.starts_with(kTemporaryPrefix)) continue;
    if (!hold_to_remove(*vault.fs, vault.pack_directory.get(), name)) continue;
    INQ_TRY_STATUS(vault.fs->unlink_at(vault.pack_directory.get(), name));
  }
  INQ_TRY_STATUS(vault.objects->refresh());
  INQ_TRY(LiveObjects live, LiveObjects::of(*vault.objects, vault.catalog.cases()));
  if (full_before_ns) {
    const auto in_use = [&](const CaseId& id) { return vault.leases->is_held(id); };
    for (const Eviction& old : expired(vault.catalog.cases(), *full_before_ns, in_use))
      INQ_TRY_STATUS(vault.evict_one(old, "full memory is not kept for so long", live, freed));
  }
  INQ_TRY_STATUS(vault.sweep(live, freed));
  const uint64_t excess = less(vault.objects->bytes() + vault.index->size(), vault.quota());
  if (excess > 0) {
    INQ_TRY([[maybe_unused]] const bool enough,
            vault.evict(excess, Impl::Willing::kAsFarAsPossible, live, freed));
  }
  return freed;
}

Result<Stats> Vault::stats() {
  Impl& vault = *impl_;
  INQ_TRY_STATUS(vault.catch_up());
  INQ_TRY_STATUS(vault.objects->refresh());
  Stats stats;
  for (const Case& one : vault.catalog.cases()) {
    ++stats.cases;
    if (one.best_evidence() != nullptr) ++stats.with_evidence;
    if (one.pinned) ++stats.pinned;
    for (const Attachment& attachment : one.attachments) {
      if (attachment.kept) {
        stats.size += attachment.size;
        stats.data += attachment.data;
      } else if (attachment.size > 0) {
        ++stats.evicted;  // it was there once
      } else {
        ++stats.refused;
      }
    }
  }
  stats.stored = vault.objects->bytes();
  stats.index_bytes = vault.index->size();
  stats.packs = vault.objects->packs().size();
  stats.quota = vault.quota();
  stats.free = vault.budget(Role::kSlim);
  if (vault.tally) {
    INQ_TRY(stats.tallies, vault.tally->read());
  }
  for (const Tally& tally : stats.tallies) {
    stats.counted += tally.counted;
    stats.lost += tally.lost;
  }
  if (vault.index->damaged() > 0 || vault.catalog.senseless() > 0) {
    stats.damage.push_back(fmt::format("index: {} bytes and {} records are unreadable",
                                       vault.index->damaged(), vault.catalog.senseless()));
  }
  for (const std::string& note : vault.objects->damage()) stats.damage.push_back(note);
  return stats;
}

}  // namespace inquest::vault
