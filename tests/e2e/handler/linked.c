// linked WHAT: uses include/inquest/handler.h. Compiled as C and as C++, linked statically and
// dynamically.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <inquest/handler.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void* overflows_with_stack(void* unused) {
  extern int overflow(volatile char*);
  if (inquest_thread_init() != 0 || inquest_thread_init() != 0) _exit(80);
  overflow(NULL);
  return unused;
}

__attribute__((noinline)) int overflow(volatile char* above) {
  volatile char frame[4096];
  frame[0] = above == NULL ? 1 : *above;
  return overflow(frame) + frame[0];
}

static volatile int stop;

static void* annotates(void* number) {
  char key[32];
  char value[400];
  for (int i = 0; !stop; ++i) {
    snprintf(key, sizeof key, "thread%ld", (long)number);
    memset(value, 'a' + i % 26, sizeof value - 1);
    value[i % 399] = '\0';
    inquest_annotate(key, value);
    inquest_annotate("shared", value);
  }
  return NULL;
}

static int check_errors(void) {
  struct inquest_options options = INQUEST_OPTIONS_INIT;
  char longest[600];
  memset(longest, 'x', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  options.size = 1;
  if (inquest_install(&options) != EINVAL) return 60;
  options.size = sizeof options;
  options.supervisor = "name";
  if (inquest_install(&options) != EINVAL) return 61;
  options.supervisor = longest;
  if (inquest_install(&options) != EINVAL) return 62;
  options.supervisor = NULL;
  options.record_fd = 77;
  if (inquest_install(&options) != EBADF) return 63;
  options.record_fd = open("/dev/null", O_RDONLY);
  if (inquest_install(&options) != EBADF) return 64;
  options.record_fd = -1;
  options.record_directory = "/nowhere/at/all";
  if (inquest_install(&options) != ENOENT) return 65;
  options.record_directory = "/dev/null";
  if (inquest_install(&options) != ENOTDIR) return 66;
  options.record_directory = NULL;
  options.reply_timeout_ms = 60001;
  if (inquest_install(&options) != EINVAL) return 67;
  if (inquest_annotate("", "x") != EINVAL || inquest_annotate(NULL, "x") != EINVAL) return 68;
  if (inquest_annotate("a=b", "x") != EINVAL || inquest_annotate("a\n", "x") != EINVAL) return 69;
  if (inquest_annotate(longest, "x") != EINVAL || inquest_annotate("long", longest) != E2BIG)
    return 70;
  for (int i = 0; i < 64; ++i) {
    snprintf(longest, sizeof longest, "k%d", i);
    if (inquest_annotate(longest, "v") != 0) return 71;
  }
  if (inquest_annotate("one more", "x") != ENOSPC || inquest_annotate("k5", "again") != 0)
    return 72;
  return 0;
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  struct inquest_options options = INQUEST_OPTIONS_INIT;
  if (strcmp(what, "errors") == 0) return check_errors();
  if (strcmp(what, "not-installed") != 0 && inquest_install(argc > 2 ? &options : NULL) != 0)
    return 90;
  if (strcmp(what, "options") == 0) {
    options.supervisor = argv[2];
    options.reply_timeout_ms = 200;
    if (inquest_install(&options) != 0) return 91;
  }
  if (strcmp(what, "descriptor") == 0) {
    options.record_fd = open(argv[2], O_CREAT | O_WRONLY, 0600);
    if (inquest_install(&options) != 0) return 92;
    close(options.record_fd);
  }
  if (strcmp(what, "pipe") == 0) {
    options.record_fd = 1;
    if (inquest_install(&options) != 0) return 92;
  }
  if (strcmp(what, "unread") == 0) {  // nobody reads the pipe
    int ends[2];
    if (pipe(ends) != 0 || close(ends[0]) != 0) return 92;
    options.record_fd = ends[1];
    if (inquest_install(&options) != 0) return 92;
  }
  if (strcmp(what, "directory") == 0 || strcmp(what, "reused") == 0) {
    options.record_directory = argv[2];
    if (inquest_install(&options) != 0) return 93;
  }
  if (strcmp(what, "reused") ==
      0) {  // a daemon closes everything, and opens its own under the same numbers
    for (int fd = 3; fd < 1024; ++fd) close(fd);
    for (int fd = 3; fd < 600; ++fd) open(argv[3], O_CREAT | O_WRONLY, 0600);
  }
  if (strcmp(what, "reinstalled") == 0) {  // the same, and then the options are replaced
    options.record_directory = argv[2];
    options.record_fd = open("/dev/null", O_WRONLY);
    if (inquest_install(&options) != 0) return 93;
    for (int fd = 3; fd < 1024; ++fd) close(fd);
    for (int fd = 3; fd < 600; ++fd) open("/dev/zero", O_RDONLY);
    options.record_fd = -1;
    if (inquest_install(&options) != 0) return 93;
    for (int fd = 3; fd < 600; ++fd) {
      if (fcntl(fd, F_GETFD) == -1) return 73;
    }
    int before = dup(0);
    for (int i = 0; i < 10; ++i) inquest_install(&options);
    return dup(0) == before + 1 ? 0 : 74;
  }
  if (strcmp(what, "secret") == 0) {
    options.record_directory = argv[2];
    if (inquest_install(&options) != 0) return 93;
    char* volatile secret =
        (char*)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char* volatile open_text =
        (char*)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    // Put together here, so that the program's own pages do not hold the words.
    snprintf(secret, 64, "%s-%s", "KEEP", "THIS-SECRET");
    snprintf(open_text, 64, "%s-%s", "SHOW", "THIS-TEXT");
    madvise(secret, 4096, MADV_DONTDUMP);
  }
  if (strcmp(what, "worker") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, overflows_with_stack, NULL);
    pthread_join(thread, NULL);
  }
  if (strcmp(what, "annotations") == 0) {
    inquest_annotate("version", "1.2.3");
    inquest_annotate("request", "first");
    inquest_annotate("request", "GET /\xc3\xa4?a=b");
    inquest_annotate("gone", "x");
    inquest_annotate("gone", NULL);
    inquest_annotate("empty", "");
  }
  if (strcmp(what, "annotating") == 0) {
    for (long i = 0; i < 8; ++i) {
      pthread_t thread;
      pthread_create(&thread, NULL, annotates, (void*)i);
    }
    usleep(50000);
  }
  *(volatile int*)0x1234 = 1;
  return 94;
}
