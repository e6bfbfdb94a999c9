#include "capture/handler/notes.h"

#include <elf.h>
#include <sys/procfs.h>
#include <sys/syscall.h>

#include "capture/handler/annotations.h"
#include "capture/handler/maps.h"
#include "capture/handler/raw.h"
#include "capture/handler/registers.h"
#include "capture/wire/crash_request.h"

/* Where the next note goes. */
struct out {
  unsigned char* bytes;
  size_t room;
  size_t at;   /* end of the notes that are whole */
  size_t next; /* end of the one being written; > room: it does not fit */
};

static void put(struct out* out, const void* bytes, size_t size) {
  if (out->next <= out->room && size <= out->room - out->next) {
    inq_copy(out->bytes + out->next, bytes, size);
    out->next += size;
  } else {
    out->next = out->room + 1;
  }
}

static void pad(struct out* out) {
  static const char kZeros[4];
  put(out, kZeros, (size_t)-out->next & 3);
}

static void begin(struct out* out, const char* owner, uint32_t type) {
  Elf64_Nhdr header = {.n_namesz = (uint32_t)inq_length(owner, 16) + 1, .n_type = type};
  out->next = out->at;
  put(out, &header, sizeof header);
  put(out, owner, header.n_namesz);
  pad(out);
}

/* The size of the description is known only now. */
static void end(struct out* out, const char* owner) {
  size_t head = sizeof(Elf64_Nhdr) + ((inq_length(owner, 16) + 1 + 3) & ~(size_t)3);
  if (out->next > out->room) return;
  uint32_t size = (uint32_t)(out->next - out->at - head);
  pad(out);
  if (out->next > out->room) return;
  inq_copy(out->bytes + out->at + offsetof(Elf64_Nhdr, n_descsz), &size, sizeof size);
  out->at = out->next;
}

static void whole(struct out* out, uint32_t type, const void* bytes, size_t size) {
  begin(out, "CORE", type);
  put(out, bytes, size);
  end(out, "CORE");
}

static void put_status(struct out* out, const struct inq_crash* crash) {
  struct elf_prstatus status;
  uint64_t registers[kInqNoteRegisters];
  inq_zero(&status, sizeof status);
  inq_note_registers(crash->ucontext, registers);
  status.pr_info.si_signo = crash->signal_number;
  status.pr_info.si_code = crash->info->si_code;
  status.pr_cursig = (short)crash->signal_number;
  status.pr_pid = inq_gettid();
  status.pr_ppid = (int)inq_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
  status.pr_fpvalid = 1;
  inq_copy(&status.pr_reg, registers, sizeof registers);
  _Static_assert(sizeof status.pr_reg == sizeof registers, "the registers of the note");
  whole(out, NT_PRSTATUS, &status, sizeof status);
}

static size_t read_file(const char* path, char* to, size_t room) {
  long fd = inq_open(path, 0, 0);
  if (fd < 0) return 0;
  long got = inq_read((int)fd, to, room);
  inq_close((int)fd);
  return got < 0 ? 0 : (size_t)got;
}

static void put_process(struct out* out) {
  struct elf_prpsinfo process;
  inq_zero(&process, sizeof process);
  process.pr_sname = 'R';
  process.pr_pid = inq_getpid();
  process.pr_ppid = (int)inq_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
  process.pr_uid = (unsigned)inq_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);
  process.pr_gid = (unsigned)inq_syscall(SYS_getgid, 0, 0, 0, 0, 0, 0);
  size_t name = read_file("/proc/self/comm", process.pr_fname, sizeof process.pr_fname);
  if (name > 0 && process.pr_fname[name - 1] == '\n') process.pr_fname[name - 1] = '\0';
  size_t size = read_file("/proc/self/cmdline", process.pr_psargs, sizeof process.pr_psargs - 1);
  for (size_t i = 0; i + 1 < size; ++i) {
    if (process.pr_psargs[i] == '\0') process.pr_psargs[i] = ' ';
  }
  whole(out, NT_PRPSINFO, &process, sizeof process);
}

/* fs/binfmt_elf.c, fill_files_note: count, page size, {begin, end, offset in pages} each, names. */
static void put_files(struct out* out, const struct inq_sources* sources) {
  struct inq_mapping mapping;
  uint64_t head[2] = {0, INQ_SMALL_PAGE};
  for (size_t at = 0; inq_next_mapping(sources->maps, sources->maps_size, &at, &mapping);)
    head[0] += (uint64_t)(mapping.is_file != 0);
  if (head[0] == 0) return;
  begin(out, "CORE", NT_FILE);
  put(out, head, sizeof head);
  for (size_t at = 0; inq_next_mapping(sources->maps, sources->maps_size, &at, &mapping);) {
    uint64_t entry[3] = {mapping.begin, mapping.end, mapping.offset / INQ_SMALL_PAGE};
    if (mapping.is_file) put(out, entry, sizeof entry);
  }
  for (size_t at = 0; inq_next_mapping(sources->maps, sources->maps_size, &at, &mapping);) {
    if (!mapping.is_file) continue;
    put(out, mapping.path, mapping.path_length);
    put(out, "", 1);
  }
  end(out, "CORE");
}

static void put_text(struct out* out, const char* text) {
  enum { kLongest = 256 };
  put(out, text, inq_length(text, kLongest));
}

static void put_fact(struct out* out, const char* key, const char* value) {
  put_text(out, key);
  put(out, "=", 1);
  put_text(out, value);
  put(out, "", 1);
}

static void put_number(struct out* out, const char* key, uint64_t value) {
  char digits[21];
  digits[inq_decimal(digits, value)] = '\0';
  put_fact(out, key, digits);
}

static void put_facts(struct out* out, const struct inq_crash* crash,
                      const struct inq_sources* sources, const struct inq_ranges* ranges) {
  begin(out, INQ_NOTE_OWNER, kInqNoteFacts);
  put_fact(out, "writer", "handler");
  put_number(out, "version", 1);
  put_fact(out, "fidelity", "registers");
  put_fact(out, "reason", sources->reason);
  put_fact(out, "missing", "other threads: nobody stopped them");
  if (sources->maps_size == 0)
    put_fact(out, "missing", "mappings: /proc/self/maps could not be read");
  if (sources->maps_cut) put_fact(out, "missing", "mappings: more than there is room for");
  if (!sources->hidden_known)
    put_fact(out, "missing",
             "memory: what must not be dumped is unknown; only stack and registers");
  if (ranges->full) put_fact(out, "missing", "memory: more pages than there is room for");
  put_number(out, "time", (uint64_t)inq_wall_seconds());
  put_number(out, "pid", (uint64_t)inq_getpid());
  put_number(out, "tid", (uint64_t)inq_gettid());
  put_number(out, "signal", (uint64_t)crash->signal_number);
  put_number(out, "request_flags", crash->flags);
  end(out, INQ_NOTE_OWNER);
}

static void put_annotations(struct out* out) {
  size_t size = 0;
  const char* annotations = inq_annotations_gather(&size);
  if (size == 0) return;
  begin(out, INQ_NOTE_OWNER, kInqNoteAnnotations);
  put(out, annotations, size);
  end(out, INQ_NOTE_OWNER);
}

size_t inq_notes(const struct inq_crash* crash, const struct inq_sources* sources,
                 const struct inq_ranges* ranges, unsigned char* to, size_t room) {
  unsigned char floats[kInqFloatBytes];
  struct out out = {.bytes = to, .room = room};
  put_status(&out, crash);
  put_process(&out);
  whole(&out, NT_SIGINFO, crash->info, sizeof *crash->info);
  if (sources->auxv_size != 0) whole(&out, NT_AUXV, sources->auxv, sources->auxv_size);
  if (inq_float_registers(crash->ucontext, floats)) whole(&out, NT_FPREGSET, floats, sizeof floats);
  put_facts(&out, crash, sources, ranges);
  put_annotations(&out);
  put_files(&out, sources);
  return out.at;
}
