#include "vault/live_objects.h"

namespace inquest::vault {

Result<LiveObjects> LiveObjects::of(Objects& objects, const std::vector<Case>& cases) {
  LiveObjects live(objects);
  for (const Case& one : cases) {
    for (const Attachment& attachment : one.attachments) {
      if (attachment.kept) INQ_TRY_STATUS(live.add(attachment.manifest));
    }
  }
  return live;
}

Status LiveObjects::add(const codec::Sha256Digest& manifest) {
  Use& use = manifests_[manifest];
  if (++use.attachments > 1) return {};
  const auto read = objects_->read_manifest(manifest);
  if (read.ok()) {
    for (const ManifestEntry& entry : read->entries) ++pieces_[entry.object];
    return {};
  }
  // Lost to damage already. Anything else may be over in a moment.
  const ErrorCode code = read.error().code();
  use.is_damaged = code == ErrorCode::kCorrupt || code == ErrorCode::kNotFound;
  return use.is_damaged ? Status() : Status(read.error());
}

void LiveObjects::release(const codec::Sha256Digest& manifest) {
  const auto use = manifests_.find(manifest);
  if (use == manifests_.end() || --use->second.attachments > 0) return;
  const auto read = objects_->read_manifest(manifest);
  // Pieces of one that cannot be read now stay, until the next collection of garbage.
  const bool is_known = read.ok() && !use->second.is_damaged;
  manifests_.erase(use);
  if (!is_known) return;
  for (const ManifestEntry& entry : read->entries) {
    const auto piece = pieces_.find(entry.object);
    if (--piece->second == 0) pieces_.erase(piece);
  }
}

}  // namespace inquest::vault
