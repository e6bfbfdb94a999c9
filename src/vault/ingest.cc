#include "vault/ingest.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace inquest::vault {
namespace {

constexpr size_t kBatchBytes = 4 << 20;
constexpr size_t kMaxBatchPieces = 4096;
constexpr unsigned kMaxThreads = 16;

bool all_zero(ByteView bytes) {
  if (bytes.empty()) return true;
  return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

Error no_room() {
  return {ErrorCode::kUnavailable, "the quota of the vault leaves no room for it"};
}

}  // namespace

bool is_no_room(const Error& error) {
  return error.code() == ErrorCode::kUnavailable || error.sys_errno() == ENOSPC ||
         error.sys_errno() == EDQUOT;
}

Result<Ingest> Ingest::create(os::Fs& fs, Objects& objects, unsigned threads) {
  INQ_TRY(PackWriter pack, PackWriter::create(fs, objects.directory()));
  return Ingest(fs, objects, std::move(pack), std::clamp(threads, 1U, kMaxThreads));
}

Ingest::Ingest(os::Fs& fs, Objects& objects, PackWriter pack, unsigned threads)
    : objects_(&objects),
      holds_(fs, objects.directory()),
      pack_(std::move(pack)),
      compressors_(threads),
      first_byte_(pack_.bytes_written()) {
  batch_.reserve(kBatchBytes);
}

Status Ingest::append(ByteView bytes) {
  if (bytes.size() > kMaxEvidenceBytes - position_) {
    return Error(ErrorCode::kTooLarge, "evidence is too large");
  }
  while (!bytes.empty()) {
    const uint64_t in_segment = position_ - segment_start_;
    const uint64_t to_boundary = kChunkBytes - in_segment % kChunkBytes;
    const size_t take = std::min<uint64_t>(bytes.size(), to_boundary);
    batch_.insert(batch_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
    bytes = bytes.subspan(take);
    position_ += take;
    data_ += take;
    if (take != to_boundary) continue;
    close_piece();
    if (batch_is_full()) INQ_TRY_STATUS(flush());
  }
  return {};
}

Status Ingest::skip(uint64_t size) {
  if (size > kMaxEvidenceBytes - position_) {
    return Error(ErrorCode::kTooLarge, "evidence is too large");
  }
  close_piece();
  position_ += size;
  return batch_is_full() ? flush() : Status();
}

Status Ingest::begin_segment() {
  close_piece();
  segment_start_ = position_;
  return batch_is_full() ? flush() : Status();
}

bool Ingest::batch_is_full() const {
  return batch_.size() + kChunkBytes > kBatchBytes || pieces_.size() >= kMaxBatchPieces;
}

void Ingest::close_piece() {
  if (batch_.size() == piece_start_) return;
  const auto size = static_cast<uint32_t>(batch_.size() - piece_start_);
  pieces_.push_back(
      {.offset = position_ - size, .start = piece_start_, .size = size, .packed = {}});
  piece_start_ = batch_.size();
}

void Ingest::prepare(Piece& piece, codec::ZstdCompressor& compressor) const {
  const ByteView content = ByteView(batch_).subspan(piece.start, piece.size);
  piece.is_zero = all_zero(content);
  if (piece.is_zero) return;
  piece.id = codec::sha256(content);
  piece.is_known = objects_->contains(piece.id) || fresh_.contains(piece.id);
  if (piece.is_known) return;
  compressor.compress(content, piece.packed);
  // Hardly smaller is not worth the time to undo it.
  if (piece.packed.size() + piece.size / 32 >= piece.size) piece.packed.clear();
}

void Ingest::prepare_all() {
  const size_t threads = std::min(compressors_.size(), (pieces_.size() + 7) / 8);
  const auto work = [&](size_t thread) {
    for (size_t i = thread; i < pieces_.size(); i += threads) {
      prepare(pieces_[i], compressors_[thread]);
    }
  };
  std::vector<std::jthread> helpers;
  for (size_t i = 1; i < threads; ++i) helpers.emplace_back(work, i);
  if (threads > 0) work(0);
}

Status Ingest::flush() {
  prepare_all();
  for (Piece& piece : pieces_) {
    INQ_TRY_STATUS(store(piece));
    data_with_room_ += piece.size;
  }
  pieces_.clear();
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(piece_start_));
  piece_start_ = 0;
  return {};
}

// Whether the object is in the vault or in the new pack, to stay.
bool Ingest::counts_on(const codec::Sha256Digest& id) {
  if (fresh_.contains(id)) return true;
  const std::string* pack = objects_->pack_of(id);
  return pack != nullptr && holds_.hold(*pack);
}

Status Ingest::store(Piece& piece) {
  if (piece.is_zero) return {};
  if (manifest_.entries.size() >= kMaxChunks) {
    return Error(ErrorCode::kTooLarge, "evidence has too many pieces");
  }
  manifest_.entries.push_back({piece.offset, piece.size, piece.id});
  const ByteView content = ByteView(batch_).subspan(piece.start, piece.size);
  if (piece.is_known && counts_on(piece.id)) return {};
  if (piece.is_known) compressors_[0].compress(content, piece.packed);  // its pack is going
  return store_object(piece.id, content, piece.packed);
}

Status Ingest::store_object(const codec::Sha256Digest& id, ByteView content, ByteView packed) {
  if (!fresh_.insert(id).second) return {};
  const ByteView bytes = packed.empty() || packed.size() >= content.size() ? content : packed;
  // The entry in the table counts too.
  const uint64_t with = pack_.bytes_written() + bytes.size() + 48 * (pack_.entries().size() + 1);
  if (with > budget_) return no_room();
  return pack_.add(id, bytes, static_cast<uint32_t>(content.size()));
}

Result<Attachment> Ingest::end() {
  close_piece();
  INQ_TRY_STATUS(flush());
  manifest_.size = position_;
  const Bytes bytes = to_bytes(manifest_);
  Attachment attachment;
  attachment.manifest = codec::sha256(bytes);
  if (!counts_on(attachment.manifest)) {
    Bytes packed;
    compressors_[0].compress(bytes, packed);
    if (packed.size() >= bytes.size()) packed.clear();
    INQ_TRY_STATUS(store_object(attachment.manifest, bytes, packed));
  }
  attachment.size = position_;
  attachment.data = data_;
  attachment.stored = pack_.bytes_written() - first_byte_;
  manifest_ = {};
  first_entry_ = pack_.entries().size();
  first_byte_ = pack_.bytes_written();
  position_ = data_ = data_with_room_ = segment_start_ = 0;
  return attachment;
}

Status Ingest::give_up() {
  fresh_.clear();
  for (size_t i = 0; i < first_entry_; ++i) fresh_.insert(pack_.entries()[i].id);
  manifest_ = {};
  pieces_.clear();
  batch_.clear();
  piece_start_ = 0;
  position_ = data_ = data_with_room_ = segment_start_ = 0;
  return pack_.roll_back(first_entry_);
}

Status Ingest::commit() {
  INQ_TRY(const std::string file, new_pack_name());
  INQ_TRY_STATUS(pack_.commit(file));
  objects_->adopt(file, pack_);
  return {};
}

}  // namespace inquest::vault
