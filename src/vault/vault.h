// Vault: where crashes are kept. One directory, mode 0700, written by many processes at once.
//
// What a call acknowledges survives kill -9 and power loss. A case begins with its header, which
// has room reserved for it, and grows: slim record, full core, report. Equal 64 KiB pieces of all
// evidence are stored once. When there is no room, evidence of crashes that are known already goes
// first (see retention.h), then evidence is refused, and the header says so; when not even a header
// fits, the crash is counted. See docs/formats/vault.md.
//
// Not thread-safe: one object a thread. Any number of processes may use one directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/os/fd.h"
#include "platform/os/fs.h"
#include "vault/case.h"

namespace inquest::vault {

struct VaultOptions {
  bool create = true;      // make the directory when it is not there
  bool read_only = false;  // never writes: no leases either
  // Bytes that the vault may take; 0: the smaller of 10 % of the file system and 4 GiB.
  uint64_t quota = 0;
  // Bytes of the file system that evidence leaves free; nullopt: the smaller of 5 % and 1 GiB.
  std::optional<uint64_t> keep_free;
  // Headers for which room is kept when the disk is full.
  uint32_t reserved_headers = 1024;
  unsigned threads = 2;  // that hash and compress
  // How long a call waits for a lock whose holder may be stopped; then kUnavailable.
  std::chrono::milliseconds patience{60'000};
  os::Fs* fs = nullptr;  // nullptr: the kernel's
};

// $INQUEST_VAULT; for root /var/lib/inquest/vault; else $XDG_STATE_HOME/inquest/vault or
// ~/.local/state/inquest/vault. Empty when there is no home.
std::string default_directory();
// "2G", "500M", "500MB", "500MiB" (all powers of 1024), bytes; 0 when that is not understood.
uint64_t parse_size(std::string_view text);
// $INQUEST_VAULT_QUOTA; 0 when not set. kInvalidArgument when it is not understood.
Result<uint64_t> quota_of_environment();

// A piece of evidence to keep. An fd must be of a regular file (read from 0 whatever its offset,
// holes skipped) or of a pipe or socket (read to its end).
struct NewAttachment {
  std::string name;  // see Attachment; kFile: an absolute path, else letters, digits, ".", "_", "-"
  Role role = Role::kOther;
  std::variant<int, ByteView> source;
  bool truncated = false;  // what the caller gives is cut already
};

// What became of one.
struct Attached {
  std::string name;
  bool kept = false;
  std::string why;      // not kept: the reason, a sentence
  uint64_t stored = 0;  // bytes added to the vault
  uint64_t data = 0;    // bytes that are not in holes
};

struct Deposited {
  CaseId id;
  std::vector<Attached> attached;
};

// What is learned of a case later. What is not set stays.
struct CaseUpdate {
  std::optional<std::string> signature, title, headline;
  std::optional<Fidelity> fidelity;
  std::optional<std::vector<std::string>> missing;
};

// Crashes of one kind that are not kept as cases.
struct Tally {
  std::string group;                  // the first 16 bytes of group_of()
  uint64_t counted = 0;               // on purpose, by count()
  uint64_t lost = 0;                  // because there was no room for a header
  int64_t first_ns = 0, last_ns = 0;  // 0: unknown
};

struct Stats {
  uint64_t cases = 0, with_evidence = 0, pinned = 0;
  uint64_t size = 0;    // of all kept evidence, holes included
  uint64_t data = 0;    // without holes
  uint64_t stored = 0;  // bytes of all packs
  uint64_t index_bytes = 0;
  uint64_t packs = 0;
  uint64_t evicted = 0, refused = 0;  // attachments
  uint64_t quota = 0, free = 0;       // free: bytes of the file system that we may use
  uint64_t counted = 0, lost = 0;
  std::vector<Tally> tallies;
  std::vector<std::string> damage;  // of index and packs, for people
};

struct Freed {
  uint64_t evicted = 0;                             // attachments given up
  uint64_t bytes = 0;                               // by which the vault is smaller
  uint64_t packs_removed = 0, packs_rewritten = 0;  // the latter are among the former
  // Evidence that is being written counts on these: they stayed, and bytes that go later with them.
  uint64_t packs_in_use = 0, bytes_in_use = 0;
  bool busy = false;  // somebody else is removing packs: nothing was done
};

// Evidence that is being written piece by piece.
class EvidenceWriter {
 public:
  virtual ~EvidenceWriter() = default;
  // The next bytes of the evidence. After an error nothing of it is kept: commit() then only says
  // so in the case.
  virtual Status append(ByteView bytes) = 0;
  // The next `size` bytes are a hole.
  virtual Status skip(uint64_t size) = 0;
  // What follows begins something that may be equal elsewhere (a segment): pieces start here.
  virtual Status begin_segment() = 0;
  // Durable, and part of the case, when this returns. Without it the evidence never was.
  // `truncated`: its source ended early.
  virtual Result<Attached> commit(bool truncated = false) = 0;
};

// Holds evidence of a case in place while it is looked at.
using Lease = os::Fd;

class Vault {
 public:
  static Result<Vault> open(const std::string& directory, const VaultOptions& options = {});
  Vault(Vault&&) noexcept;
  Vault& operator=(Vault&&) noexcept;
  ~Vault();

  const std::string& directory() const;

  // Header and evidence in one call, in the order given: put the slim record before the full core.
  // An error means that there is no case; it was counted if that was possible.
  Result<Deposited> deposit(const CaseHeader& header, std::span<const NewAttachment> evidence);

  // The same in steps. begin() is durable when it returns. `id`: of a case from elsewhere;
  // kMismatch when there is one of that id.
  Result<CaseId> begin(const CaseHeader& header, const CaseId& id = {});
  // All of them become durable together; those that find no room are refused one by one, and the
  // case says so. A name that is there already is replaced.
  Result<std::vector<Attached>> attach(const CaseId& id, std::span<const NewAttachment> evidence);
  // Evidence whose bytes come one after another. `expected`: bytes outside holes that will come, as
  // far as known (0: not), for which room is made beforehand. At most one at a time; *this must
  // outlive it.
  Result<std::unique_ptr<EvidenceWriter>> attach_stream(const CaseId& id, const std::string& name,
                                                        Role role, uint64_t expected = 0);
  Status update(const CaseId& id, const CaseUpdate& update);
  Status finish(const CaseId& id, State state = State::kComplete);

  // Counts a crash that is not to be kept. Takes no room.
  Status count(const CaseHeader& header);

  // All cases, oldest first. Never waits for writers.
  Result<std::vector<Case>> list();
  // By id or a prefix of it that is unique (4 digits at least).
  Result<Case> find(const std::string& id_or_prefix);
  // Writes an attachment to an empty regular file, with holes where nothing is.
  Status read(const Case& from, const std::string& name, int output_fd);
  Result<Bytes> read_bytes(const Case& from, const std::string& name, uint64_t max_size);
  // While it is held, nothing of the case is evicted. kUnavailable in a read-only vault.
  Result<Lease> lease(const CaseId& id);
  // Whether somebody holds a lease, or is writing the case.
  bool in_use(const CaseId& id);

  struct Impl;  // internal to the room

  Status pin(const CaseId& id, bool pinned);
  Status remove(const CaseId& id);
  // Evicts down to the quota, removes what nothing refers to, and ends cases whose writer is gone.
  // `full_before_ns`: full memory of crashes before that time (since the epoch) goes as well, but
  // of those that are pinned or in use.
  Result<Freed> collect_garbage(std::optional<int64_t> full_before_ns = std::nullopt);
  Result<Stats> stats();

 private:
  explicit Vault(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace inquest::vault
