#include "capture/handler/choose.h"

#include <elf.h>
#include <link.h>
#include <ucontext.h>

#include "capture/handler/maps.h"
#include "capture/handler/raw.h"
#include "capture/handler/registers.h"

/* Only one thread writes a record. */
static const struct inq_hidden* hidden_here;

/* 1 when the page is in the set afterwards. */
static int add(struct inq_ranges* out, uintptr_t address) {
  if (inq_ranges_has(out, address)) return 1;
  if (out->bytes >= kInqRecordBytes) {
    out->full = 1;
    return 0;
  }
  return !inq_is_hidden(hidden_here, address) && inq_readable(address) &&
         inq_ranges_add_page(out, address);
}

/* The pages of [begin, end) up to the first that cannot be read. */
static void add_run(struct inq_ranges* out, uintptr_t begin, uintptr_t end) {
  for (uintptr_t page = begin & ~(INQ_SMALL_PAGE - 1); page < end; page += INQ_SMALL_PAGE) {
    if (!add(out, page)) return;
  }
}

/* An object of `size` bytes that may lie across a page border. 1 when all of it can be read. */
static int add_object(struct inq_ranges* out, uintptr_t address, size_t size) {
  return address != 0 && address + size > address && add(out, address) &&
         add(out, address + size - 1);
}

static uintptr_t add_stack(struct inq_ranges* out, uintptr_t sp) {
  enum { kRedZone = 128, kBelow = 16 }; /* pages: an overflow leaves sp in the guard below */
  uintptr_t begin = sp - kRedZone;
  for (int i = 0; i < kBelow && !inq_readable(begin); ++i) begin = (begin | 4095) + 1;
  if (inq_readable(begin)) add_run(out, begin, begin + kInqStackBytes);
  return begin;
}

/* The signal frame: the registers that the kernel saved, vectors included. */
static void add_signal_frame(struct inq_ranges* out, const ucontext_t* context) {
  enum { kFrame = 12 * 1024 };
  uintptr_t begin = (uintptr_t)context;
  add_run(out, begin, begin + kFrame);
}

static void add_pointed(struct inq_ranges* out, uintptr_t word) {
  enum { kNear = 256 };
  if (word < INQ_SMALL_PAGE) return;
  if (add(out, word) && word + kNear > word) add(out, word + kNear);
}

static void add_pointed_from_stack(struct inq_ranges* out, uintptr_t sp) {
  size_t most = out->bytes + (size_t)kInqPointedPages * INQ_SMALL_PAGE;
  uintptr_t at = (sp + 7) & ~(uintptr_t)7;
  for (int i = 0; i < kInqPointedPages && out->bytes < most; ++i, at += sizeof(uintptr_t)) {
    if (!inq_ranges_has(out, at)) return;
    add_pointed(out, *(const uintptr_t*)at);
  }
}

/* Where the program's dynamic section is; 0 when it has none. */
static uintptr_t dynamic_section(struct inq_ranges* out, const uint64_t* auxv, size_t words) {
  uintptr_t headers = 0, base = 0, found = 0;
  uint64_t count = 0;
  for (size_t i = 0; i + 1 < words; i += 2) {
    if (auxv[i] == AT_PHDR) headers = auxv[i + 1];
    if (auxv[i] == AT_PHNUM) count = auxv[i + 1];
  }
  enum { kMostHeaders = 64 };
  if (count > kMostHeaders || !add_object(out, headers, count * sizeof(ElfW(Phdr)))) return 0;
  const ElfW(Phdr)* header = (const ElfW(Phdr)*)headers;
  for (uint64_t i = 0; i < count; ++i) {
    if (header[i].p_type == PT_PHDR) base = headers - header[i].p_vaddr;
    if (header[i].p_type == PT_DYNAMIC) found = header[i].p_vaddr;
  }
  return found != 0 ? base + found : 0;
}

/* What debuggers follow to the modules: DT_DEBUG, r_debug, and the list of link_map (link.h). */
static void add_module_list(struct inq_ranges* out, const uint64_t* auxv, size_t words) {
  enum { kMostEntries = 256, kMostModules = 1024, kName = 256 };
  uintptr_t dynamic = dynamic_section(out, auxv, words);
  const struct r_debug* debug = NULL;
  for (int i = 0; dynamic != 0 && i < kMostEntries; ++i) {
    const ElfW(Dyn)* entry = (const ElfW(Dyn)*)dynamic + i;
    if (!add_object(out, (uintptr_t)entry, sizeof *entry) || entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_DEBUG) debug = (const struct r_debug*)entry->d_un.d_ptr;
  }
  if (!add_object(out, (uintptr_t)debug, sizeof *debug)) return;
  const struct link_map* map = debug->r_map;
  for (int i = 0; i < kMostModules && add_object(out, (uintptr_t)map, sizeof *map); ++i) {
    uintptr_t name = (uintptr_t)map->l_name;
    if (add(out, name)) add(out, name + kName);
    map = map->l_next;
  }
}

static int is_named(const struct inq_mapping* mapping, const char* name, size_t length) {
  return mapping->path_length == length && inq_equal(mapping->path, name, length);
}

static void add_from_maps(struct inq_ranges* out, const char* maps, size_t size, uintptr_t sp) {
  struct inq_mapping mapping;
  for (size_t at = 0; inq_next_mapping(maps, size, &at, &mapping);) {
    if (sp >= mapping.begin && sp < mapping.end && mapping.end - mapping.begin > kInqStackEndBytes)
      add_run(out, mapping.end - kInqStackEndBytes, mapping.end);
    /* With the build-id, next to the headers. */
    if (mapping.is_file && mapping.offset == 0 && (mapping.protect & PF_R) != 0)
      add(out, mapping.begin);
    if (is_named(&mapping, "[vdso]", 6)) add_run(out, mapping.begin, mapping.end);
  }
}

void inq_choose(const struct inq_crash* crash, const char* maps, size_t maps_size,
                const uint64_t* auxv, size_t auxv_words, const struct inq_hidden* hidden,
                struct inq_ranges* out) {
  uint64_t registers[kInqNoteRegisters];
  uintptr_t sp = inq_sp_of(crash->ucontext), pc = inq_pc_of(crash->ucontext);
  hidden_here = hidden;
  out->count = out->bytes = 0;
  out->full = 0;
  uintptr_t top = add_stack(out, sp);
  add_signal_frame(out, crash->ucontext);
  add_run(out, (uintptr_t)crash->info, (uintptr_t)crash->info + sizeof(siginfo_t));
  if (!hidden->known) return;
  inq_note_registers(crash->ucontext, registers);
  for (int i = 0; i < kInqNoteRegisters; ++i) add_pointed(out, registers[i]);
  add_pointed(out, pc - 256);
  add_pointed(out, inq_thread_pointer());
  add_pointed(out, (uintptr_t)crash->info->si_addr);
  add_module_list(out, auxv, auxv_words);
  add_from_maps(out, maps, maps_size, top);
  add_pointed_from_stack(out, sp);
}
