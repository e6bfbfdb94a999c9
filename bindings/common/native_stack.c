#include "bindings/common/native_stack.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "bindings/common/output.h"
#include "capture/handler/raw.h"
#include "capture/handler/registers.h"

#pragma weak backtrace
#pragma weak dladdr

enum { kMostFrames = 64, kFew = 3, kKeptBytes = 32768, kPathBytes = 512 };

static struct kept {
  size_t size;
  char text[kKeptBytes];
}* kept;

static char executable[kPathBytes];

void inq_native_stack_prepare(void) {
  void* one[1];
  if (backtrace != NULL) backtrace(one, 1);
  inq_syscall(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)executable,
              sizeof executable - 1, 0, 0);
}

int inq_native_stack_keep(void) {
  if (kept != NULL) return 1;
  long made = inq_syscall(SYS_mmap, 0, sizeof *kept, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (made < 0 && made > -4096) return 0;
  kept = (struct kept*)made;
  return 1;
}

const char* inq_native_stack_kept(size_t* size) {
  *size = kept != NULL && kept->size <= kKeptBytes ? kept->size : 0;
  return kept != NULL ? kept->text : "";
}

static void keep(const struct inq_text* line) {
  if (kept == NULL || kKeptBytes - kept->size < line->size) return;
  inq_copy(kept->text + kept->size, line->bytes, line->size);
  kept->size += line->size;
}

static int has_slash(const char* name) {
  for (; *name != '\0'; ++name) {
    if (*name == '/') return 1;
  }
  return 0;
}

/* "/srv/x.node(work+0x1d)[0x7f10b3]". glibc has for the program itself only what it was called by.
 */
static void print_frame(uintptr_t pc, int is_return) {
  struct inq_text line;
  line.size = 0;
  Dl_info info = {0};
  uintptr_t within = is_return ? pc - 1 : pc; /* a call may be a function's last instruction */
  int known = dladdr != NULL && dladdr((void*)within, &info) != 0;
  if (known && info.dli_fname != NULL) {
    int is_program = !has_slash(info.dli_fname) && executable[0] != '\0';
    inq_put(&line, is_program ? executable : info.dli_fname);
    inq_put(&line, "(");
    if (info.dli_sname != NULL) inq_put(&line, info.dli_sname);
    uintptr_t from = (uintptr_t)(info.dli_sname != NULL ? info.dli_saddr : info.dli_fbase);
    inq_put(&line, "+");
    inq_put_hex(&line, pc - from);
    inq_put(&line, ")");
  }
  inq_put(&line, "[");
  inq_put_hex(&line, pc);
  inq_put(&line, "]\n");
  keep(&line);
  inq_output_text(&line);
}

static uintptr_t frame_pointer_of(const void* ucontext) {
  const mcontext_t* context = &((const ucontext_t*)ucontext)->uc_mcontext;
#if defined(__x86_64__)
  return (uintptr_t)context->gregs[REG_RBP];
#else
  return (uintptr_t)context->regs[29];
#endif
}

/* Each frame's link stands above that of the frame it called. */
static size_t follow_frame_pointers(const void* ucontext, void** out, size_t room) {
  uintptr_t frame = frame_pointer_of(ucontext), below = inq_sp_of(ucontext);
  size_t count = 0;
  out[count++] = (void*)inq_pc_of(ucontext);
  while (count < room && frame >= below && frame % sizeof(uintptr_t) == 0 && inq_readable(frame) &&
         inq_readable(frame + sizeof(uintptr_t))) {
    const uintptr_t* link = (const uintptr_t*)frame;
    if (link[1] < INQ_SMALL_PAGE) break;
    out[count++] = (void*)link[1];
    below = frame + 1;
    frame = link[0];
  }
  return count;
}

/* The frames from the fault on, without those of the handler. */
static size_t unwind(const void* ucontext, void** out) {
  static void* all[kMostFrames + 16];
  int count = backtrace != NULL ? backtrace(all, sizeof all / sizeof *all) : 0;
  uintptr_t pc = inq_pc_of(ucontext);
  for (int i = 0; i < count; ++i) {
    if ((uintptr_t)all[i] != pc) continue;
    size_t left = (size_t)(count - i);
    if (left > kMostFrames) left = kMostFrames;
    inq_copy((void*)out, (const void*)(all + i), left * sizeof *all);
    return left;
  }
  return 0;
}

void inq_native_stack_print(void* ucontext) {
  static void* frames[kMostFrames];
  static void* linked[kMostFrames];
  inq_output_words("\nNative stack:\n");
  if (kept != NULL) kept->size = 0;
  size_t count = unwind(ucontext, frames);
  size_t by_links = count < kFew ? follow_frame_pointers(ucontext, linked, kMostFrames) : 0;
  void** best = by_links > count ? linked : frames;
  if (by_links > count) count = by_links;
  for (size_t i = 0; i < count; ++i) print_frame((uintptr_t)best[i], i != 0);
}
