// Evidence in and out of a vault.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "platform/os/sparse.h"
#include "vault/vault_impl.h"

namespace inquest::vault {
namespace {

constexpr size_t kMaxNameBytes = 4096;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// Absolute, and every part a name.
bool is_clean_path(std::string_view path) {
  if (path.size() < 2 || path[0] != '/' || path.back() == '/') return false;
  size_t start = 1;
  for (size_t at = 1; at <= path.size(); ++at) {
    if (at < path.size() && path[at] == '\0') return false;
    if (at < path.size() && path[at] != '/') continue;
    const std::string_view part = path.substr(start, at - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = at + 1;
  }
  return true;
}

// Bytes outside holes; 0 when that is not known before they are read.
uint64_t data_bytes(const NewAttachment& evidence) {
  if (const auto* bytes = std::get_if<ByteView>(&evidence.source)) return bytes->size();
  const auto extents = os::data_extents(std::get<int>(evidence.source));
  if (!extents.ok()) return 0;
  uint64_t size = 0;
  for (const os::Extent& extent : extents->extents) size += extent.size;
  return size;
}

bool can_be_read_again(const NewAttachment& evidence) {
  if (std::holds_alternative<ByteView>(evidence.source)) return true;
  return ::lseek(std::get<int>(evidence.source), 0, SEEK_CUR) >= 0;
}

}  // namespace

Status check_name(const std::string& name, Role role) {
  const bool good = role == Role::kFile ? is_clean_path(name)
                                        : !name.empty() && name[0] != '.' &&
                                              std::all_of(name.begin(), name.end(), is_plain);
  if (good && name.size() <= kMaxNameBytes && repair_utf8(name) == name) return {};
  return Error(ErrorCode::kInvalidArgument, "no proper name for evidence");
}

// One try to put some evidence into one new pack.
struct Vault::Impl::Attempt {
  Impl& vault;
  std::vector<Attachment> kept;
  // Of those that found no room: which they are, and how many bytes more it would have taken.
  std::vector<size_t> without_room;
  uint64_t lacking = 0;
  std::vector<std::pair<size_t, std::string>> refused;  // for other reasons

  Status add(Ingest& ingest, const NewAttachment& evidence, size_t number);
  Status run(const CaseId& id, std::span<const NewAttachment> evidence,
             const std::vector<size_t>& which);
};

Status Vault::Impl::Attempt::add(Ingest& ingest, const NewAttachment& evidence, size_t number) {
  const uint64_t budget = vault.budget(evidence.role);
  ingest.set_budget(budget);
  const auto take = [&]() -> Result<Attachment> {
    bool cut = evidence.truncated;
    if (const auto* bytes = std::get_if<ByteView>(&evidence.source)) {
      INQ_TRY_STATUS(ingest.append(*bytes));
    } else {
      INQ_TRY(const bool ended_early, ingest_file(ingest, std::get<int>(evidence.source)));
      cut = cut || ended_early;
    }
    INQ_TRY(Attachment attachment, ingest.end());
    attachment.truncated = cut;
    return attachment;
  };
  auto taken = take();
  if (taken.ok()) {
    taken->name = evidence.name;
    taken->role = evidence.role;
    kept.push_back(std::move(*taken));
    return {};
  }
  if (is_no_room(taken.error())) {
    // What came so far tells how the rest will compress; half, when nothing did.
    const uint64_t data = std::max<uint64_t>(1, data_bytes(evidence));
    const uint64_t so_far = ingest.data_so_far();
    const double ratio =
        so_far == 0 ? 0.5
                    : static_cast<double>(ingest.stored_so_far()) / static_cast<double>(so_far);
    const auto whole =
        static_cast<uint64_t>(1.05 * ratio * static_cast<double>(data)) + kChunkBytes;
    const uint64_t before = ingest.bytes() - ingest.stored_so_far();  // of others in this pack
    lacking += before + whole > budget ? before + whole - budget : kChunkBytes;
    without_room.push_back(number);
  } else {
    refused.emplace_back(number, taken.error().message());
  }
  return ingest.give_up();
}

Status Vault::Impl::Attempt::run(const CaseId& id, std::span<const NewAttachment> evidence,
                                 const std::vector<size_t>& which) {
  INQ_TRY_STATUS(vault.objects->refresh());
  // Lives until the record is written: it keeps what the record refers to.
  std::optional<Ingest> ingest;
  const auto store = [&]() -> Status {
    INQ_TRY(Ingest fresh, Ingest::create(*vault.fs, *vault.objects, vault.options.threads));
    ingest.emplace(std::move(fresh));
    for (const size_t number : which) {
      INQ_TRY_STATUS(add(*ingest, evidence[number], number));
    }
    if (!ingest->empty()) INQ_TRY_STATUS(ingest->commit());
    return {};
  };
  Status stored = store();
  if (!stored.ok()) {
    // A full disk shows itself as late as in the sync.
    kept.clear();
    refused.clear();
    without_room.clear();
    if (!is_no_room(stored.error())) return stored;
    without_room = which;
    for (const size_t number : which) lacking += data_bytes(evidence[number]) / 2;
    return {};
  }
  if (kept.empty()) return {};
  return vault.append_for(id, attach_record(id, kept));
}

Result<std::vector<Attached>> Vault::Impl::attach(const CaseId& id,
                                                  std::span<const NewAttachment> evidence) {
  const auto lease = leases->hold(id);  // nothing of it is given up meanwhile
  std::vector<size_t> which;
  std::vector<Attached> answers(evidence.size());
  for (size_t i = 0; i < evidence.size(); ++i) {
    INQ_TRY_STATUS(check_name(evidence[i].name, evidence[i].role));
    answers[i].name = evidence[i].name;
    which.push_back(i);
  }
  std::vector<Attachment> refused;
  const auto refuse = [&](size_t number, const std::string& why) {
    answers[number].why = why;
    Attachment attachment{.name = evidence[number].name, .role = evidence[number].role};
    attachment.data = data_bytes(evidence[number]);
    attachment.kept = false;
    attachment.why = why;
    refused.push_back(std::move(attachment));
  };
  for (bool again = true; !which.empty();) {
    Attempt attempt{.vault = *this, .kept = {}, .without_room = {}, .refused = {}};
    const Status ran = attempt.run(id, evidence, which);
    if (!ran.ok()) {
      for (const size_t number : which) refuse(number, ran.error().message());
      break;
    }
    for (const auto& [number, why] : attempt.refused) refuse(number, why);
    for (const Attachment& kept : attempt.kept) {
      for (Attached& answer : answers) {
        if (answer.name != kept.name) continue;
        answer.kept = true;
        answer.stored = kept.stored;
        answer.data = kept.data;
      }
    }
    which.clear();
    bool made = false;
    if (again && !attempt.without_room.empty()) {
      Freed freed;
      const auto room = make_room(attempt.lacking, freed);
      made = room.ok() && *room;
    }
    again = false;
    for (const size_t number : attempt.without_room) {
      if (made && can_be_read_again(evidence[number])) {
        which.push_back(number);
      } else {
        refuse(number, "no room: the quota of the vault or the disk is used up");
      }
    }
  }
  if (!refused.empty()) INQ_TRY_STATUS(append_for(id, attach_record(id, refused)));
  return answers;
}

Result<Bytes> Vault::Impl::read_object(const codec::Sha256Digest& id) {
  auto bytes = objects->read(id);
  if (bytes.ok() || bytes.error().code() != ErrorCode::kNotFound) return bytes;
  // Never seen, or moved into another pack since.
  INQ_TRY_STATUS(objects->refresh());
  return objects->read(id);
}

Result<Manifest> Vault::Impl::read_manifest(const Attachment& attachment) {
  INQ_TRY(const Bytes bytes, read_object(attachment.manifest));
  return parse_manifest(bytes);
}

Status Vault::Impl::for_each_piece(
    const Manifest& manifest, const std::function<Status(uint64_t offset, ByteView piece)>& each) {
  for (const ManifestEntry& entry : manifest.entries) {
    INQ_TRY(const Bytes piece, read_object(entry.object));
    if (piece.size() != entry.size) return Error(ErrorCode::kCorrupt, "a piece has another size");
    INQ_TRY_STATUS(each(entry.offset, piece));
  }
  return {};
}

Status Vault::read(const Case& from, const std::string& name, int output_fd) {
  const Attachment* attachment = from.find(name);
  if (attachment == nullptr) {
    return Error(ErrorCode::kNotFound, fmt::format("case {} has no {}", from.id, name));
  }
  if (!attachment->kept) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("{} of case {}: {}", name, from.id, attachment->why));
  }
  const auto write = [&]() -> Status {
    os::Fs& out = os::real_fs();
    INQ_TRY(const Manifest manifest, impl_->read_manifest(*attachment));
    INQ_TRY_STATUS(impl_->for_each_piece(manifest, [&](uint64_t offset, ByteView piece) {
      return out.write_at(output_fd, piece, offset);
    }));
    return out.truncate(output_fd, manifest.size);
  };
  Status written = write();
  if (written.ok()) return written;
  return std::move(written).error().with_context(fmt::format("{} of case {}", name, from.id));
}

Result<Bytes> Vault::read_bytes(const Case& from, const std::string& name, uint64_t max_size) {
  const Attachment* attachment = from.find(name);
  if (attachment == nullptr || !attachment->kept) {
    return Error(ErrorCode::kNotFound, fmt::format("case {} has no {}", from.id, name));
  }
  INQ_TRY(const Manifest manifest, impl_->read_manifest(*attachment));
  if (manifest.size > max_size) return Error(ErrorCode::kTooLarge, name + " is too large");
  Bytes content(manifest.size);
  INQ_TRY_STATUS(impl_->for_each_piece(manifest, [&](uint64_t offset, ByteView piece) {
    std::ranges::copy(piece, content.begin() + static_cast<std::ptrdiff_t>(offset));
    return Status();
  }));
  return content;
}

namespace {

class Stream final : public EvidenceWriter {
 public:
  Stream(Vault::Impl& vault, CaseId id, std::string name, Role role, os::Fd lease, Ingest ingest)
      : vault_(vault),
        id_(std::move(id)),
        name_(std::move(name)),
        role_(role),
        lease_(std::move(lease)),
        ingest_(std::move(ingest)) {}

  Status append(ByteView bytes) override {
    return checked([&] { return ingest_->append(bytes); });
  }
  Status skip(uint64_t size) override {
    return checked([&] { return ingest_->skip(size); });
  }
  Status begin_segment() override {
    return checked([&] { return ingest_->begin_segment(); });
  }

  Result<Attached> commit(bool truncated) override {
    Attachment attachment;
    const auto store = [&]() -> Status {
      if (failed_) return *failed_;
      INQ_TRY(attachment, ingest_->end());
      return ingest_->empty() ? Status() : ingest_->commit();
    };
    const Status stored = store();
    if (!stored.ok()) attachment = {};  // its size is of what is there
    attachment.name = name_;
    attachment.role = role_;
    attachment.truncated = truncated;
    attachment.kept = stored.ok();
    if (!stored.ok()) {
      attachment.why = is_no_room(stored.error())
                           ? "no room: the quota of the vault or the disk is used up"
                           : stored.error().message();
    }
    const Status recorded = vault_.append_for(id_, attach_record(id_, std::span(&attachment, 1)));
    // From here on the record keeps what it refers to.
    ingest_.reset();
    lease_.reset();
    failed_ = Error(ErrorCode::kInvalidArgument, "the evidence was committed already");
    if (!recorded.ok()) return recorded.error();
    return Attached{.name = name_,
                    .kept = attachment.kept,
                    .why = attachment.why,
                    .stored = attachment.stored,
                    .data = attachment.data};
  }

 private:
  template <typename Step>
  Status checked(const Step& step) {
    if (failed_) return *failed_;
    Status status = step();
    if (!status.ok()) failed_ = status.error();
    return status;
  }

  Vault::Impl& vault_;
  CaseId id_;
  std::string name_;
  Role role_;
  os::Fd lease_;                  // nothing of the case is given up meanwhile; may be invalid
  std::optional<Ingest> ingest_;  // until it is committed
  std::optional<Error> failed_;
};

}  // namespace

Result<std::unique_ptr<EvidenceWriter>> Vault::attach_stream(const CaseId& id,
                                                             const std::string& name, Role role,
                                                             uint64_t expected) {
  INQ_TRY_STATUS(check_name(name, role));
  INQ_TRY_STATUS(impl_->objects->refresh());
  // Cores shrink to a third or less.
  const uint64_t wanted = expected / 3;
  if (const uint64_t budget = impl_->budget(role); wanted > budget) {
    Freed freed;
    (void)impl_->make_room(wanted - budget, freed).ok();  // without it, it is tried all the same
  }
  INQ_TRY_STATUS(impl_->objects->refresh());
  auto lease = impl_->leases->hold(id);
  INQ_TRY(Ingest ingest, Ingest::create(*impl_->fs, *impl_->objects, impl_->options.threads));
  ingest.set_budget(impl_->budget(role));
  return std::unique_ptr<EvidenceWriter>(std::make_unique<Stream>(
      *impl_, id, name, role, lease.ok() ? std::move(*lease) : os::Fd(), std::move(ingest)));
}

}  // namespace inquest::vault
