#include "capture/handler/notes.h"

#include <elf.h>
#include <sys/procfs.h>
#include <sys/syscall.h>

#include "capture/handler/json.h"
#include "capture/handler/maps.h"
#include "capture/handler/raw.h"
#include "capture/handler/registers.h"
#include "capture/handler/scratch.h"

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

static void put_process(struct out* out) {
  struct elf_prpsinfo process;
  inq_zero(&process, sizeof process);
  process.pr_sname = 'R';
  process.pr_pid = inq_getpid();
  process.pr_ppid = (int)inq_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
  process.pr_uid = (unsigned)inq_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);
  process.pr_gid = (unsigned)inq_syscall(SYS_getgid, 0, 0, 0, 0, 0, 0);
  size_t name = inq_read_file("/proc/self/comm", process.pr_fname, sizeof process.pr_fname);
  if (name > 0 && process.pr_fname[name - 1] == '\n') process.pr_fname[name - 1] = '\0';
  size_t size =
      inq_read_file("/proc/self/cmdline", process.pr_psargs, sizeof process.pr_psargs - 1);
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

static void field(struct inq_json* json, const char* key, const char* value) {
  enum { kLongest = 256 };
  inq_json_raw(json, key);
  inq_json_string(json, value, inq_length(value, kLongest));
}

static void put_missing(struct inq_json* json, const char* before, const char* what,
                        const char* why) {
  inq_json_raw(json, before);
  field(json, "{\"what\":", what);
  field(json, ",\"why\":", why);
  inq_json_raw(json, "}");
}

static void put_fidelity(struct inq_json* json, const struct inq_sources* sources,
                         const struct inq_ranges* ranges) {
  inq_json_raw(json, ",\"fidelity\":{\"level\":\"registers only\",\"missing\":");
  put_missing(json, "[", "other threads", "nobody stopped them");
  put_missing(json, ",", "memory that neither stack nor registers point to",
              "no supervisor answered");
  if (sources->maps_size == 0)
    put_missing(json, ",", "the list of mappings", "/proc/self/maps cannot be read");
  if (sources->maps_cut)
    put_missing(json, ",", "some mappings without a name", "there are more than there is room for");
  if (!sources->hidden->known)
    put_missing(json, ",", "all memory but the stack",
                "which memory must not be dumped could not be found out");
  if (sources->hidden->full)
    put_missing(json, ",", "memory at high addresses",
                "too many mappings are kept out of cores to remember which");
  if (ranges->full)
    put_missing(json, ",", "some pages pointed to", "there are more than there is room for");
  inq_json_raw(json, "]}");
}

/* `text` is "key=value\0key=value\0". */
static void put_annotations(struct inq_json* json, const char* text, size_t size) {
  inq_json_raw(json, ",\"annotations\":[");
  for (size_t at = 0; at < size;) {
    size_t length = inq_length(text + at, size - at), key = 0;
    while (key < length && text[at + key] != '=') ++key;
    inq_json_raw(json, at == 0 ? "{\"name\":" : ",{\"name\":");
    inq_json_string(json, text + at, key);
    inq_json_raw(json, ",\"value\":");
    inq_json_string(json, text + at + key + 1, key < length ? length - key - 1 : 0);
    inq_json_raw(json, "}");
    at += length + 1;
  }
  inq_json_raw(json, "]");
}

static void put_json(struct out* out, const struct inq_crash* crash,
                     const struct inq_sources* sources, const struct inq_ranges* ranges) {
  struct inq_json json = {inq_scratch.json, sizeof inq_scratch.json, 0, 0};
  inq_json_raw(&json, "{\"version\":1,\"captured_at\":");
  inq_json_time(&json, inq_wall_seconds());
  inq_json_raw(&json, ",\"how\":\"handler\",\"signal\":");
  inq_json_number(&json, (uint64_t)crash->signal_number);
  inq_json_raw(&json, ",\"request_flags\":");
  inq_json_number(&json, crash->flags);
  inq_json_raw(&json, ",\"process\":{\"pid\":");
  inq_json_number(&json, (uint64_t)inq_getpid());
  inq_json_raw(&json, "}");
  put_fidelity(&json, sources, ranges);
  put_annotations(&json, sources->annotations, sources->annotations_size);
  inq_json_raw(&json, "}");
  if (json.cut) return;
  begin(out, INQ_NOTE_OWNER, kInqNoteJson);
  put(out, inq_scratch.json, json.size);
  end(out, INQ_NOTE_OWNER);
}

static void put_maps(struct out* out, const struct inq_sources* sources) {
  if (sources->maps_size == 0) return;
  begin(out, INQ_NOTE_OWNER, kInqNoteMaps);
  put(out, sources->maps, sources->maps_size);
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
  put_files(&out, sources);
  /* Behind the kernel's: binutils takes the first note of some types, whatever its owner. */
  put_json(&out, crash, sources, ranges);
  put_maps(&out, sources);
  return out.at;
}
