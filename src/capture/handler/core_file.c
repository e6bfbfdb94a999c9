#include "capture/handler/core_file.h"

#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "capture/handler/maps.h"
#include "capture/handler/raw.h"
#include "capture/handler/scratch.h"

enum { kChunk = 65536, kPatienceMs = 1000 };

#if defined(__x86_64__)
enum { kMachine = EM_X86_64 };
#else
enum { kMachine = EM_AARCH64 };
#endif

static Elf64_Phdr* const segments = inq_scratch.segments;
static size_t segment_count;

/* What is saved always has a place; what is not, only as far as there is room. */
static void add_segment(uintptr_t begin, uintptr_t end, uint32_t protect, int saved) {
  enum { kForSaved = 4 * kInqRanges };
  size_t most = saved ? kInqMostSegments : kInqMostSegments - kForSaved;
  if (segment_count >= most || begin >= end) return;
  segments[segment_count++] = (Elf64_Phdr){.p_type = PT_LOAD,
                                           .p_flags = protect,
                                           .p_vaddr = begin,
                                           .p_filesz = saved ? end - begin : 0,
                                           .p_memsz = end - begin,
                                           .p_align = INQ_SMALL_PAGE};
}

static uintptr_t least(uintptr_t a, uintptr_t b) { return a < b ? a : b; }

/* From `at` to `end`, cut where saved ranges begin and end. `*next` is the first range that is not
 * behind us. What is not saved counts only inside a mapping. */
static void add_stretch(uintptr_t at, uintptr_t end, uint32_t protect, int is_mapped,
                        const struct inq_ranges* ranges, size_t* next) {
  while (at < end) {
    while (*next < ranges->count && ranges->at[*next].end <= at) ++*next;
    struct inq_range range = {end, end};
    if (*next < ranges->count) range = ranges->at[*next];
    uintptr_t begin = range.begin > at ? least(range.begin, end) : at;
    if (is_mapped) add_segment(at, begin, protect, 0);
    at = least(range.end, end);
    add_segment(begin, at, protect, 1);
  }
}

static void lay_out(const struct inq_ranges* ranges, const char* maps, size_t size) {
  struct inq_mapping mapping;
  size_t next = 0;
  uintptr_t done = 0;
  segment_count = 1; /* the first one is for the notes */
  for (size_t at = 0; inq_next_mapping(maps, size, &at, &mapping);) {
    if (mapping.begin < done) continue;
    /* Saved memory that the maps do not list, because they were cut. */
    add_stretch(done, mapping.begin, PF_R, 0, ranges, &next);
    add_stretch(mapping.begin, mapping.end, mapping.protect, 1, ranges, &next);
    done = mapping.end;
  }
  add_stretch(done, UINTPTR_MAX, PF_R, 0, ranges, &next);
}

static uint64_t place(size_t notes_size) {
  uint64_t at = sizeof(Elf64_Ehdr) + segment_count * sizeof(Elf64_Phdr);
  segments[0] =
      (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = at, .p_filesz = notes_size, .p_align = 4};
  at += notes_size;
  uint64_t first = (at + INQ_SMALL_PAGE - 1) & ~(uint64_t)(INQ_SMALL_PAGE - 1);
  uint64_t offset = first;
  for (size_t i = 1; i < segment_count; ++i) {
    segments[i].p_offset = offset;
    offset += segments[i].p_filesz;
  }
  return first - at; /* the gap */
}

/* A pipe or socket that does not block is waited for, as long as something moves. */
static long write_some(int fd, const void* bytes, size_t size) {
  for (;;) {
    long wrote = inq_write(fd, bytes, size);
    if (wrote != -EAGAIN || inq_poll(fd, POLLOUT, kPatienceMs) <= 0) return wrote;
  }
}

static int put(int fd, const void* bytes, size_t size) {
  const unsigned char* at = bytes;
  while (size > 0) {
    long wrote = write_some(fd, at, size);
    if (wrote <= 0) return 0;
    at += wrote;
    size -= (size_t)wrote;
  }
  return 1;
}

static int put_zeros(int fd, uint64_t size) {
  static const unsigned char kZeros[INQ_SMALL_PAGE];
  while (size > 0) {
    size_t part = size < sizeof kZeros ? size : sizeof kZeros;
    if (!put(fd, kZeros, part)) return 0;
    size -= part;
  }
  return 1;
}

/* The memory of one segment, straight from where it is. Another thread may unmap it meanwhile. */
static int put_memory(int fd, size_t index) {
  Elf64_Phdr* segment = &segments[index];
  uint64_t size = segment->p_filesz;
  for (uint64_t done = 0; done < size;) {
    size_t part = size - done < kChunk ? size - done : kChunk;
    long wrote = write_some(fd, (const void*)(segment->p_vaddr + done), part);
    if (wrote > 0) {
      done += (uint64_t)wrote;
      continue;
    }
    if (wrote != -EFAULT || !put_zeros(fd, size - done)) return 0;
    segment->p_filesz = done;
    uint64_t where = sizeof(Elf64_Ehdr) + index * sizeof *segment;
    inq_syscall(SYS_pwrite64, fd, (long)segment, sizeof *segment, (long)where, 0, 0);
    break;
  }
  return 1;
}

static int put_header(int fd) {
  Elf64_Ehdr header = {
      .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
      .e_type = ET_CORE,
      .e_machine = kMachine,
      .e_version = EV_CURRENT,
      .e_phoff = sizeof header,
      .e_ehsize = sizeof header,
      .e_phentsize = sizeof(Elf64_Phdr),
      .e_phnum = (uint16_t)segment_count,
  };
  return put(fd, &header, sizeof header) && put(fd, segments, segment_count * sizeof *segments);
}

static int put_all(int fd, const unsigned char* notes, size_t notes_size) {
  uint64_t gap = place(notes_size);
  if (!put_header(fd) || !put(fd, notes, notes_size) || !put_zeros(fd, gap)) return 0;
  for (size_t i = 1; i < segment_count; ++i) {
    if (!put_memory(fd, i)) return 0;
  }
  return 1;
}

int inq_core_write(int fd, const struct inq_ranges* ranges, const char* maps, size_t maps_size,
                   const unsigned char* notes, size_t notes_size) {
  /* Nobody reads the pipe: the process still dies of its own signal. */
  const uint64_t broken_pipe = INQ_BIT(SIGPIPE);
  const struct timespec at_once = {0, 0};
  uint64_t before = 0;
  lay_out(ranges, maps, maps_size);
  inq_sigprocmask(SIG_BLOCK, &broken_pipe, &before);
  int complete = put_all(fd, notes, notes_size);
  if (!complete)
    inq_syscall(SYS_rt_sigtimedwait, (long)&broken_pipe, 0, (long)&at_once, sizeof broken_pipe, 0,
                0);
  inq_sigprocmask(SIG_SETMASK, &before, NULL);
  return complete;
}
