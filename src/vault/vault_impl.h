// The parts of a Vault, shared by the sources that implement it. Internal to this room.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vault/catalog.h"
#include "vault/directory.h"
#include "vault/index.h"
#include "vault/ingest.h"
#include "vault/leases.h"
#include "vault/live_objects.h"
#include "vault/objects.h"
#include "vault/retention.h"
#include "vault/tally.h"
#include "vault/vault.h"

namespace inquest::vault {

// The lock of those who append to the index, and the lock of those who remove packs. Who takes both
// takes the second first.
inline constexpr const char* kWriteLock = "lock";
inline constexpr const char* kPackLock = "packs.lock";

struct Vault::Impl {
  std::string path;
  VaultOptions options;
  os::Fs* fs = nullptr;
  os::Fd root, pack_directory;
  std::optional<Index> index;
  Catalog catalog;
  std::optional<Objects> objects;
  std::optional<Leases> leases;
  std::optional<TallyFile> tally;
  std::map<CaseId, os::Fd> writing;  // leases of cases that we began

  // Brings catalog up to date with the index. Never waits.
  Status catch_up();
  // The write lock, with the catalog up to date.
  Result<os::Fd> lock();
  // Appends one record under the lock and applies it.
  Status append(const std::string& record);
  // The same, with the lock taken, for a case that must be there.
  Status append_for(const CaseId& id, const std::string& record);
  // Adds to the counts of the header's kind.
  Status count(Tally more, const CaseHeader& header);

  // --- room (vault_room.cc)
  uint64_t quota() const;
  // What the index keeps for headers.
  uint64_t reserve_bytes() const { return uint64_t{options.reserved_headers} * kTightHeaderBytes; }
  // Bytes that a new pack for evidence of this role may take.
  uint64_t budget(Role role) const;
  // Makes `bytes` more free, if that can be: takes the locks, removes garbage, then gives evidence
  // up. Answers whether they are.
  Result<bool> make_room(uint64_t bytes, Freed& freed);

  // Both locks are held for these. Gives evidence up until the packs are `bytes` smaller.
  enum class Willing : uint8_t { kOnlyIfEnough, kAsFarAsPossible };
  Result<bool> evict(uint64_t bytes, Willing willing, LiveObjects& live, Freed& freed);
  Status evict_one(const Eviction& eviction, const std::string& why, LiveObjects& live,
                   Freed& freed);
  // Removes what is not live.
  Status sweep(const LiveObjects& live, Freed& freed);
  // With the write lock. Ends cases whose writer is gone; writes an index anew that is mostly
  // history, or too large.
  Status tidy_index();
  uint64_t index_limit() const;
  bool index_is_too_large() const;
  // Writes the index anew, without its history. When that is not enough headers without evidence
  // become counts.
  Status shrink_index();

  // --- evidence (vault_evidence.cc)
  struct Attempt;
  Result<std::vector<Attached>> attach(const CaseId& id, std::span<const NewAttachment> evidence);
  Result<Manifest> read_manifest(const Attachment& attachment);
  Status for_each_piece(const Manifest& manifest,
                        const std::function<Status(uint64_t offset, ByteView piece)>& each);
  Result<Bytes> read_object(const codec::Sha256Digest& id);
};

// Whether a name and role may be an attachment.
Status check_name(const std::string& name, Role role);

}  // namespace inquest::vault
