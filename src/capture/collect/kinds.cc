#include "capture/collect/kinds.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace inquest::capture {
namespace {

constexpr std::array<char, 8> kMagic = {'I', 'N', 'Q', 'K', 'N', 'D', '0', '1'};

// As it stands in the file, behind kMagic; the byte order is this machine's.
struct Slot {
  uint64_t kind;
  uint32_t full, slim;
  uint64_t counted;
  int64_t first_ns, last_ns;
};
static_assert(sizeof(Slot) == 40);

// Held while a decision is made.
class Lock {
 public:
  explicit Lock(int fd) : fd_(fd) {
    while (flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Lock() { flock(fd_, LOCK_UN); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int fd_;
};

std::vector<Slot> read_slots(int fd) {
  std::array<char, 8> magic{};
  struct stat info{};
  if (fstat(fd, &info) != 0) return {};
  const auto bytes = static_cast<uint64_t>(info.st_size);
  if (pread(fd, magic.data(), magic.size(), 0) != ssize_t{8} || magic != kMagic) return {};
  std::vector<Slot> slots(
      std::min<uint64_t>((bytes - magic.size()) / sizeof(Slot), Kinds::kMaxKinds));
  const size_t size = slots.size() * sizeof(Slot);
  if (pread(fd, slots.data(), size, magic.size()) != static_cast<ssize_t>(size)) return {};
  return slots;
}

Status write_slot(int fd, size_t index, const Slot& slot) {
  const auto offset = static_cast<off_t>(kMagic.size() + index * sizeof(Slot));
  if (pwrite(fd, kMagic.data(), kMagic.size(), 0) != ssize_t{8} ||
      pwrite(fd, &slot, sizeof(slot), offset) != ssize_t{sizeof(slot)})
    return Error::io("the list of kinds of crashes cannot be written", errno);
  return {};
}

// The slot of `kind`, a free one, or the one not used for longest.
size_t place_for(const std::vector<Slot>& slots, uint64_t kind) {
  const auto own = std::ranges::find(slots, kind, &Slot::kind);
  if (own != slots.end()) return static_cast<size_t>(own - slots.begin());
  if (slots.size() < Kinds::kMaxKinds) return slots.size();
  return static_cast<size_t>(std::ranges::min_element(slots, {}, &Slot::last_ns) - slots.begin());
}

}  // namespace

Result<Kinds> Kinds::open(const std::string& path) {
  os::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Error::io(path + ": cannot be opened", errno);
  return Kinds(std::move(file));
}

Result<Decision> Kinds::note(
    uint64_t kind, int64_t now_ns,
    const std::function<Decision(const std::optional<KindHistory>&)>& decide) {
  const Lock lock(file_.get());
  const std::vector<Slot> slots = read_slots(file_.get());
  const size_t place = place_for(slots, kind);
  std::optional<KindHistory> history;
  if (place < slots.size() && slots[place].kind == kind) {
    const Slot& slot = slots[place];
    history = KindHistory{.full = slot.full,
                          .slim = slot.slim,
                          .counted = slot.counted,
                          .first_ns = slot.first_ns,
                          .last_ns = slot.last_ns};
  }
  const Decision decision = decide(history);
  KindHistory now = history.value_or(KindHistory{.first_ns = now_ns});
  now.last_ns = now_ns;
  if (decision.retain == Retain::kFull) ++now.full;
  if (decision.retain == Retain::kSlim) ++now.slim;
  if (decision.retain == Retain::kCountOnly) ++now.counted;
  INQ_TRY_STATUS(write_slot(file_.get(), place,
                            {.kind = kind,
                             .full = now.full,
                             .slim = now.slim,
                             .counted = now.counted,
                             .first_ns = now.first_ns,
                             .last_ns = now.last_ns}));
  return decision;
}

}  // namespace inquest::capture
