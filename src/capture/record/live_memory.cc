#include "capture/record/live_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "capture/record/remote_memory.h"

namespace inquest::capture {

namespace {

constexpr uint64_t kMaxReserved = uint64_t{1} << 44;  // bytes of address space
constexpr uint32_t kMaxOver = 64 << 10;               // pages over the limit before it is given up

}  // namespace

Result<TouchedPages> TouchedPages::create(uint32_t max_pages) {
  TouchedPages touched;
  touched.max_pages_ = max_pages;
  touched.file_ = os::Fd(::memfd_create("inquest-pages", MFD_CLOEXEC));
  const uint64_t size = max_pages * kPage;
  if (!touched.file_.valid() || ::ftruncate(touched.file_.get(), static_cast<off_t>(size)) != 0) {
    return Error::io("no memory to share with the analysis", errno);
  }
  void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, touched.file_.get(), 0);
  if (pages == MAP_FAILED) return Error::io("no memory to share with the analysis", errno);
  touched.pages_ = static_cast<uint8_t*>(pages);
  void* control = ::mmap(nullptr, kPage + max_pages * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (control == MAP_FAILED) return Error::io("no memory to share with the analysis", errno);
  touched.control_ = static_cast<uint8_t*>(control);
  return touched;
}

TouchedPages::TouchedPages(TouchedPages&& other) noexcept
    : file_(std::move(other.file_)),
      pages_(std::exchange(other.pages_, nullptr)),
      control_(std::exchange(other.control_, nullptr)),
      max_pages_(other.max_pages_) {}

TouchedPages::~TouchedPages() {
  if (pages_ != nullptr) ::munmap(pages_, max_pages_ * kPage);
  if (control_ != nullptr) ::munmap(control_, kPage + max_pages_ * sizeof(uint64_t));
}

// What the handler of SIGSEGV works with: it can be handed nothing.
struct Shadow {
  struct Area {
    uint64_t start, end, shadow;
  };
  uint8_t* base = nullptr;
  uint64_t size = 0;
  std::vector<Area> areas;  // by shadow
  int mem = -1;
  TouchedPages* touched = nullptr;

  uint64_t address_of(uint64_t offset) const;
  void fill(uint64_t offset);
};

namespace {

Shadow shadow;

// Outside the reserved range, or when the page is gone: a bug of ours, or the process died. The
// parent takes what is there.
void on_fault(int /*number*/, siginfo_t* info, void* /*context*/) {
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  const auto base = reinterpret_cast<uintptr_t>(shadow.base);
  if (at < base || at - base >= shadow.size) {
    ::signal(SIGSEGV, SIG_DFL);
    return;  // faults again
  }
  const int saved = errno;
  shadow.fill((at - base) & ~(kPage - 1));
  errno = saved;
}

}  // namespace

uint64_t Shadow::address_of(uint64_t offset) const {
  const auto after = std::upper_bound(areas.begin(), areas.end(), offset,
                                      [](uint64_t o, const Area& a) { return o < a.shadow; });
  if (after == areas.begin()) ::_exit(2);
  const Area& area = *std::prev(after);
  return area.start + (offset - area.shadow);
}

void Shadow::fill(uint64_t offset) {
  const uint64_t address = address_of(offset);
  TouchedPages::Header* header = touched->header();
  const uint32_t number = header->count.load(std::memory_order_relaxed);
  const bool kept = number < touched->max_pages_;
  if (!kept && header->over.fetch_add(1) >= kMaxOver) ::_exit(3);
  const int flags = kept ? MAP_SHARED | MAP_FIXED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  uint8_t* into = kept ? touched->pages_ + number * kPage : base + offset;
  const auto file_offset = static_cast<off_t>(kept ? number * kPage : 0);
  void* mapped = ::mmap(base + offset, kPage, PROT_READ | (kept ? 0 : PROT_WRITE), flags,
                        kept ? touched->file_.get() : -1, file_offset);
  if (mapped == MAP_FAILED) ::_exit(4);
  if (::pread(mem, into, kPage, static_cast<off_t>(address)) != static_cast<ssize_t>(kPage)) {
    ::_exit(5);
  }
  if (!kept) return;
  touched->addresses()[number] = address;
  header->count.store(number + 1, std::memory_order_release);
}

Result<std::unique_ptr<LiveMemory>> LiveMemory::create(const LiveSource& source,
                                                       TouchedPages& touched) {
  std::unique_ptr<LiveMemory> memory(new LiveMemory);
  memory->mem_ = source.mem;
  memory->pagemap_ = source.pagemap;
  memory->kept_ = &source.kept;
  uint64_t total = 0;
  shadow.areas.clear();
  for (const LiveMapping& mapping : source.mappings) {
    const auto known = source.flags.find(mapping.range.start.value);
    const MappingFlags* flags = known == source.flags.end() ? nullptr : &known->second;
    const Keep keep = keep_rule(mapping, source.filter, flags).keep;
    Area area;
    area.range = mapping.range;
    area.shadow = total;
    if (keep != Keep::kNothing && mapping.range.size() <= kMaxReserved - total) {
      area.only_kept = !mapping.read || (flags != nullptr && flags->not_inherited);
      area.unsure = keep == Keep::kWritten && !area.only_kept;
      // Whether it begins with an ELF header is known by now: then its first page was kept.
      const bool has_header = mapping.is_file() && source.kept.has(mapping.range.start);
      area.visible = area.only_kept ? 0
                     : !area.unsure ? mapping.range.size()
                     : has_header   ? kPage
                                    : 0;
      shadow.areas.push_back({mapping.range.start.value, mapping.range.end.value, total});
      total += mapping.range.size();
    }
    memory->areas_.push_back(area);
  }
  void* base = ::mmap(nullptr, std::max(total, kPage), PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return Error::io("no address space for the process's memory", errno);
  shadow.base = static_cast<uint8_t*>(base);
  shadow.size = total;
  shadow.mem = source.mem;
  shadow.touched = &touched;
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  ::sigaction(SIGSEGV, &action, nullptr);
  return memory;
}

LiveMemory::~LiveMemory() {
  if (shadow.base != nullptr) ::munmap(shadow.base, std::max(shadow.size, kPage));
  shadow = {};
}

const LiveMemory::Area* LiveMemory::find(Address address) const {
  const auto after = std::upper_bound(areas_.begin(), areas_.end(), address,
                                      [](Address a, const Area& b) { return a < b.range.start; });
  if (after == areas_.begin()) return nullptr;
  const Area& area = *std::prev(after);
  return area.range.contains(address) ? &area : nullptr;
}

void LiveMemory::settle(Area& area) const {
  constexpr uint64_t kMaxPages = (uint64_t{256} << 20) / kPage;
  std::array<uint64_t, 512> entries;
  area.unsure = false;
  const uint64_t pages = std::min(area.range.size() / kPage, kMaxPages);
  for (uint64_t done = 0; done < pages;) {
    const size_t wanted = std::min<uint64_t>(entries.size(), pages - done);
    const auto offset = (area.range.start.value / kPage + done) * sizeof(uint64_t);
    const ssize_t got =
        ::pread(pagemap_, entries.data(), wanted * sizeof(uint64_t), static_cast<off_t>(offset));
    if (got < static_cast<ssize_t>(sizeof(uint64_t))) return;
    const size_t count = static_cast<size_t>(got) / sizeof(uint64_t);
    if (std::any_of(entries.begin(), entries.begin() + count, is_written_page)) {
      area.visible = area.range.size();
      return;
    }
    done += count;
  }
}

void LiveMemory::find_guard(Area& area) const {
  constexpr uint64_t kMaxGuard = 4 << 20;
  area.guard_known = true;
  const auto is_readable = [&](uint64_t offset) {
    uint8_t byte = 0;
    return ::pread(mem_, &byte, 1, static_cast<off_t>(area.range.start.value + offset)) == 1;
  };
  const uint64_t end = std::min(area.range.size(), kMaxGuard);
  while (area.guard < end && !is_readable(area.guard)) area.guard += kPage;
}

ByteView LiveMemory::view(Address address, uint64_t max) const {
  const Area* found = find(address);
  if (found == nullptr || max == 0) return {};
  Area& area = areas_[static_cast<size_t>(found - areas_.data())];
  const uint64_t inside = address - area.range.start;
  // What something points to was read from the process itself.
  if (area.only_kept) {
    const ByteView bytes = kept_->at(address);
    return bytes.first(std::min<uint64_t>(bytes.size(), max));
  }
  if (inside >= area.visible && area.unsure) settle(area);
  if (inside >= area.visible) return {};
  if (!area.guard_known) find_guard(area);
  if (inside < area.guard) return {};
  return {shadow.base + area.shadow + inside, std::min(max, area.visible - inside)};
}

process::Missing LiveMemory::why_missing(Address address) const {
  const Area* area = find(address);
  if (area == nullptr) return process::Missing::kUnmapped;
  return view(address, 1).empty() ? process::Missing::kNotDumped : process::Missing::kNone;
}

}  // namespace inquest::capture
