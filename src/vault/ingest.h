// Ingest: evidence on its way into a pack: cut into pieces, those that are there already left out.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "platform/codec/compress.h"
#include "vault/objects.h"
#include "vault/pack_holds.h"
#include "vault/vault.h"

namespace inquest::vault {

// Whether an error says that there is no room: disk, quota of the file system, or the vault's own.
bool is_no_room(const Error& error);

class Ingest {
 public:
  // `objects` must outlive it. What evidence counts on stays in them, and so does what is
  // committed, as long as this lives: give it up only when a record refers to the evidence.
  static Result<Ingest> create(os::Fs& fs, Objects& objects, unsigned threads);

  // Bytes that the pack may have; beyond it append() and end() find no room.
  void set_budget(uint64_t bytes) { budget_ = bytes; }
  // One piece of evidence after another: append(), skip() and begin_segment() as EvidenceWriter has
  // them, then end() or give_up().
  Status append(ByteView bytes);
  Status skip(uint64_t size);
  Status begin_segment();
  // Its manifest; name and role are left to the caller.
  Result<Attachment> end();
  // Takes it back; what was ended before stays.
  Status give_up();

  bool empty() const { return pack_.empty(); }
  uint64_t bytes() const { return pack_.bytes_written(); }
  // Of the evidence that is neither ended nor given up: bytes outside holes that found room, and
  // bytes that they added to the pack.
  uint64_t data_so_far() const { return data_with_room_; }
  uint64_t stored_so_far() const { return pack_.bytes_written() - first_byte_; }
  // Makes all that was ended durable.
  Status commit();

 private:
  struct Piece {
    uint64_t offset = 0;  // in the evidence
    size_t start = 0;     // in batch_
    uint32_t size = 0;
    bool is_zero = false, is_known = false;
    codec::Sha256Digest id{};
    Bytes packed;  // empty when that saves nothing
  };

  Ingest(os::Fs& fs, Objects& objects, PackWriter pack, unsigned threads);
  void close_piece();
  bool batch_is_full() const;
  Status flush();
  void prepare(Piece& piece, codec::ZstdCompressor& compressor) const;
  void prepare_all();
  bool counts_on(const codec::Sha256Digest& id);
  Status store(Piece& piece);
  Status store_object(const codec::Sha256Digest& id, ByteView content, ByteView packed);

  Objects* objects_;
  PackHolds holds_;
  PackWriter pack_;
  uint64_t budget_ = UINT64_MAX;
  std::vector<codec::ZstdCompressor> compressors_;  // one a thread
  std::unordered_set<codec::Sha256Digest, DigestHash> fresh_;

  Manifest manifest_;
  size_t first_entry_ = 0;       // of the pack, that belongs to this evidence
  uint64_t first_byte_ = 0;      // likewise
  uint64_t data_ = 0;            // bytes outside holes
  uint64_t data_with_room_ = 0;  // those of them that are in the vault
  uint64_t segment_start_ = 0;   // pieces end at multiples of kChunkBytes from here
  uint64_t position_ = 0;
  Bytes batch_;
  std::vector<Piece> pieces_;  // of batch_
  size_t piece_start_ = 0;     // in batch_, of the piece that is not closed yet
};

// Gives `ingest` all of an open file: a regular one from its start, its holes skipped, cut at the
// segments when it is an ELF core; anything else from where it stands to its end. Answers whether
// it ended before its end (a read error).
Result<bool> ingest_file(Ingest& ingest, int fd);

}  // namespace inquest::vault
