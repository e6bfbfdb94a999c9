#include "vault/vault.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vault/vault_impl.h"

namespace inquest::vault {
namespace {

constexpr size_t kLeastPrefix = 4;

}  // namespace

Vault::Vault(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Vault::Vault(Vault&&) noexcept = default;
Vault& Vault::operator=(Vault&&) noexcept = default;
Vault::~Vault() = default;

const std::string& Vault::directory() const { return impl_->path; }

Result<Vault> Vault::open(const std::string& directory, const VaultOptions& options) {
  if (directory.empty() || directory.find('\0') != std::string::npos) {
    return Error(ErrorCode::kInvalidArgument, "no directory for the vault: set INQUEST_VAULT");
  }
  auto impl = std::make_unique<Impl>();
  impl->path = directory;
  impl->options = options;
  impl->fs = options.fs != nullptr ? options.fs : &os::real_fs();
  const bool writes = !options.read_only;
  const bool create = options.create && writes;
  const auto prepare = [&]() -> Status {
    os::Fs& fs = *impl->fs;
    INQ_TRY(impl->root, open_directory(directory, create, options.read_only));
    const int root = impl->root.get();
    os::Fd lock;  // of whoever makes the files, the counts last; who finds them waits for nobody
    if (writes && !TallyFile::is_there(root)) {
      INQ_TRY(lock, take_lock(fs, root, kWriteLock, options.patience));
    }
    INQ_TRY(impl->pack_directory, open_below(fs, root, "packs", create));
    INQ_TRY(Index index, Index::open(fs, root, create, writes ? impl->reserve_bytes() : 0));
    impl->index.emplace(std::move(index));
    INQ_TRY(const Leases leases, Leases::open(fs, root, writes, options.patience));
    impl->leases.emplace(leases);
    auto tally = TallyFile::open(fs, root, writes);
    if (tally.ok()) impl->tally.emplace(std::move(*tally));
    if (!tally.ok() && writes && !is_no_room(tally.error())) return std::move(tally).error();
    impl->objects.emplace(fs, impl->pack_directory.get());
    return impl->catch_up();
  };
  Status prepared = prepare();
  if (!prepared.ok()) return std::move(prepared).error().with_context(directory);
  return Vault(std::move(impl));
}

Status Vault::Impl::catch_up() {
  const Status status = index->catch_up([&] { catalog.clear(); },
                                        [&](std::string_view record) {
                                          (void)catalog.apply(record).ok();  // stats() says it
                                        });
  catalog.settle();
  return status;
}

Result<os::Fd> Vault::Impl::lock() {
  if (options.read_only) return Error(ErrorCode::kUnavailable, "the vault was opened to be read");
  INQ_TRY(os::Fd held, take_lock(*fs, root.get(), kWriteLock, options.patience));
  INQ_TRY_STATUS(catch_up());
  return held;
}

Status Vault::Impl::append(const std::string& record) {
  INQ_TRY_STATUS(index->append(record));
  // What readers will not take is not acknowledged.
  Status applied = catalog.apply(record);
  catalog.settle();
  return applied;
}

Status Vault::Impl::append_for(const CaseId& id, const std::string& record) {
  INQ_TRY(const os::Fd held, lock());
  if (catalog.find(id) == nullptr) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no case {}", id));
  }
  return append(record);
}

Status Vault::Impl::count(Tally more, const CaseHeader& header) {
  if (!tally) return Error(ErrorCode::kUnavailable, "there is no room even to count crashes");
  more.group = group_of(header);
  more.first_ns = more.last_ns = header.time_ns;
  return tally->add(more);
}

Result<CaseId> Vault::begin(const CaseHeader& header, const CaseId& wanted) {
  CaseHeader kept = header;
  CaseId id = wanted;
  if (id.empty()) {
    INQ_TRY(id, new_case_id());
  }
  if (!is_case_id(id)) return Error(ErrorCode::kInvalidArgument, "no proper id of a case");
  INQ_TRY(const os::Fd held, impl_->lock());
  if (impl_->catalog.find(id) != nullptr) {
    return Error(ErrorCode::kMismatch, fmt::format("case {} is in the vault already", id));
  }
  if (impl_->index_is_too_large()) {
    // A disk without room for a new index may have some for one more record.
    const Status shrunk = impl_->shrink_index();
    if (shrunk.ok() && impl_->index_is_too_large()) {
      INQ_TRY_STATUS(impl_->count({.lost = 1}, kept));
      return Error(ErrorCode::kUnavailable,
                   "the crash was only counted: the headers take an eighth of the vault's quota");
    }
  }
  clamp(kept, impl_->index->room_is_scarce());
  // Before the record is there, so that nobody takes the case for one whose writer died.
  auto lease = impl_->leases->hold(id);
  Status begun = impl_->append(begin_record(id, kept));
  if (begun.ok()) {
    if (lease.ok()) impl_->writing[id] = std::move(*lease);
    return id;
  }
  const bool is_lost = is_no_room(begun.error()) || begun.error().code() == ErrorCode::kCorrupt;
  if (!is_lost) return std::move(begun).error();
  INQ_TRY_STATUS(impl_->count({.lost = 1}, kept));
  return std::move(begun).error().with_context("the crash was only counted");
}

Result<Deposited> Vault::deposit(const CaseHeader& header,
                                 std::span<const NewAttachment> evidence) {
  Deposited deposited;
  INQ_TRY(deposited.id, begin(header));
  if (!evidence.empty()) {
    auto attached = impl_->attach(deposited.id, evidence);
    if (attached.ok()) {
      deposited.attached = std::move(*attached);
    } else {
      for (const NewAttachment& one : evidence) {
        deposited.attached.push_back({.name = one.name, .why = attached.error().message()});
      }
    }
  }
  // Without this record the case reads as interrupted; its header is kept all the same.
  const bool cut = std::any_of(evidence.begin(), evidence.end(),
                               [](const NewAttachment& one) { return one.truncated; });
  (void)finish(deposited.id, cut ? State::kTruncated : State::kComplete).ok();
  return deposited;
}

Result<std::vector<Attached>> Vault::attach(const CaseId& id,
                                            std::span<const NewAttachment> evidence) {
  return impl_->attach(id, evidence);
}

Status Vault::update(const CaseId& id, const CaseUpdate& update) {
  CaseHeader cut;
  cut.signature = update.signature.value_or("");
  cut.title = update.title.value_or("");
  cut.headline = update.headline.value_or("");
  cut.missing = update.missing.value_or(std::vector<std::string>());
  clamp(cut);
  CaseUpdate kept = update;
  if (kept.signature) kept.signature = cut.signature;
  if (kept.title) kept.title = cut.title;
  if (kept.headline) kept.headline = cut.headline;
  if (kept.missing) kept.missing = cut.missing;
  return impl_->append_for(id, update_record(id, kept));
}

Status Vault::finish(const CaseId& id, State state) {
  const Status finished = impl_->append_for(id, finish_record(id, state));
  impl_->writing.erase(id);
  return finished;
}

Status Vault::count(const CaseHeader& header) {
  INQ_TRY(const os::Fd held, impl_->lock());
  return impl_->count({.counted = 1}, header);
}

Result<std::vector<Case>> Vault::list() {
  INQ_TRY_STATUS(impl_->catch_up());
  return impl_->catalog.cases();
}

Result<Case> Vault::find(const std::string& id_or_prefix) {
  INQ_TRY_STATUS(impl_->catch_up());
  if (id_or_prefix.size() < kLeastPrefix) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("an id of a case has {} digits, of which at least {} are needed",
                             kCaseIdDigits, kLeastPrefix));
  }
  const Case* found = nullptr;
  for (const Case& one : impl_->catalog.cases()) {
    if (!one.id.starts_with(id_or_prefix)) continue;
    if (found != nullptr) {
      return Error(ErrorCode::kMismatch,
                   fmt::format("{} could be {} or {}", id_or_prefix, found->id, one.id));
    }
    found = &one;
  }
  if (found == nullptr) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("there is no case {} in {}", id_or_prefix, impl_->path));
  }
  return *found;
}

Result<Lease> Vault::lease(const CaseId& id) {
  if (impl_->options.read_only) {
    return Error(ErrorCode::kUnavailable, "the vault was opened to be read");
  }
  return impl_->leases->hold(id);
}

bool Vault::in_use(const CaseId& id) { return impl_->leases->is_held(id); }

Status Vault::pin(const CaseId& id, bool pinned) {
  return impl_->append_for(id, pin_record(id, pinned));
}

Status Vault::remove(const CaseId& id) {
  INQ_TRY(const os::Fd held, impl_->lock());
  const Case* found = impl_->catalog.find(id);
  if (found == nullptr) return Error(ErrorCode::kNotFound, "there is no case " + id);
  const auto alone = impl_->leases->exclude(id);
  if (!alone.ok()) return Error(ErrorCode::kUnavailable, "case " + id + " is in use");
  return impl_->append(remove_record(id));
}

}  // namespace inquest::vault
