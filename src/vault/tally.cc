#include "vault/tally.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "platform/codec/digest.h"

namespace inquest::vault {
namespace {

constexpr const char* kName = "tally";
constexpr size_t kNameBytes = 16;
constexpr size_t kSlotBytes = 64;
// Each slot stands twice, and the copies are written one after the other: power loss spoils one.
constexpr size_t kCopyBytes = kTallySlots * kSlotBytes;

struct Slot {
  uint64_t checksum = 0;  // of what follows
  uint64_t key = 0;       // hash of the whole name of the kind; 0: free
  uint64_t counted = 0, lost = 0;
  int64_t first_ns = 0, last_ns = 0;
  std::array<char, kNameBytes> name{};
};
static_assert(sizeof(Slot) == kSlotBytes);

ByteView bytes_of(const Slot& slot) {
  return {reinterpret_cast<const uint8_t*>(&slot), sizeof(slot)};
}

uint64_t checksum(const Slot& slot) {
  return codec::xxhash64(bytes_of(slot).subspan(sizeof(slot.checksum)));
}

Slot choose(const Slot& a, const Slot& b) {
  const bool good_a = a.key != 0 && a.checksum == checksum(a);
  const bool good_b = b.key != 0 && b.checksum == checksum(b);
  if (good_a && good_b) return a.counted + a.lost >= b.counted + b.lost ? a : b;
  if (good_a) return a;
  return good_b ? b : Slot{};
}

Result<std::vector<Slot>> read_slots(int fd) {
  Bytes bytes(2 * kCopyBytes);
  INQ_TRY(const size_t got, os::pread_some(fd, bytes, 0));
  if (got != bytes.size()) return Error(ErrorCode::kCorrupt, "the file of counts is cut short");
  std::vector<Slot> slots;
  for (size_t i = 0; i < kTallySlots; ++i) {
    slots.push_back(choose(*load<Slot>(bytes, i * kSlotBytes),
                           *load<Slot>(bytes, kCopyBytes + i * kSlotBytes)));
  }
  return slots;
}

size_t slot_for(const std::vector<Slot>& slots, uint64_t key) {
  for (size_t i = 0; i + 1 < slots.size(); ++i) {
    if (slots[i].key == key || slots[i].key == 0) return i;
  }
  return slots.size() - 1;
}

}  // namespace

int64_t earlier(int64_t a, int64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

bool TallyFile::is_there(int directory) {
  struct stat info = {};
  return ::fstatat(directory, kName, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         static_cast<uint64_t>(info.st_size) >= 2 * kCopyBytes;
}

Result<TallyFile> TallyFile::open(os::Fs& fs, int directory, bool create) {
  INQ_TRY(os::Fd fd, fs.open_at(directory, kName, create ? O_RDWR | O_CREAT : O_RDONLY));
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return Error::io("cannot examine the counts", errno);
  if (create && static_cast<uint64_t>(info.st_size) < 2 * kCopyBytes) {
    // Its name is durable before it is there as a whole: others then trust in it.
    INQ_TRY_STATUS(fs.sync(directory));
    // Zeros are written, not reserved: counting must never need a block.
    const Bytes zeros(2 * kCopyBytes - static_cast<uint64_t>(info.st_size));
    INQ_TRY_STATUS(fs.write_at(fd.get(), zeros, static_cast<uint64_t>(info.st_size)));
    INQ_TRY_STATUS(fs.sync(fd.get()));
  }
  return TallyFile(fs, std::move(fd));
}

Status TallyFile::add(const Tally& more) {
  INQ_TRY(std::vector<Slot> slots, read_slots(fd_.get()));
  const std::string& group = more.group;
  const ByteView name(reinterpret_cast<const uint8_t*>(group.data()), group.size());
  const uint64_t key = std::max<uint64_t>(1, codec::xxhash64(name));
  const size_t place = slot_for(slots, key);
  Slot& slot = slots[place];
  if (slot.key == 0) {
    const bool has_own = place + 1 < kTallySlots;
    slot.key = has_own ? key : 1;
    const std::string shown = has_own ? group : "others";
    std::copy_n(shown.begin(), std::min(shown.size(), kNameBytes), slot.name.begin());
  }
  slot.counted += more.counted;
  slot.lost += more.lost;
  slot.first_ns = earlier(slot.first_ns, more.first_ns);
  slot.last_ns = std::max(slot.last_ns, more.last_ns);
  slot.checksum = checksum(slot);
  for (const size_t copy : {size_t{0}, kCopyBytes}) {
    INQ_TRY_STATUS(fs_->write_at(fd_.get(), bytes_of(slot), copy + place * kSlotBytes));
    INQ_TRY_STATUS(fs_->sync(fd_.get()));
  }
  return {};
}

Result<std::vector<Tally>> TallyFile::read() const {
  INQ_TRY(const std::vector<Slot> slots, read_slots(fd_.get()));
  std::vector<Tally> tallies;
  for (const Slot& slot : slots) {
    if (slot.key == 0) continue;
    const std::string_view name(slot.name.data(), strnlen(slot.name.data(), kNameBytes));
    tallies.push_back({.group = std::string(name),
                       .counted = slot.counted,
                       .lost = slot.lost,
                       .first_ns = slot.first_ns,
                       .last_ns = slot.last_ns});
  }
  return tallies;
}

}  // namespace inquest::vault
