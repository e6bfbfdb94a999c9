/* A program that dies in one known way, for `inquest drill`. Built twice, dynamic and static.
 *
 * canary KIND LOG: appends "start NANOSECONDS" to LOG, then "fault NANOSECONDS" one instruction
 * before it dies (CLOCK_MONOTONIC). With LOG holding a "fault" already, "once" ends well instead.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct canary_state {
  long readings[4];
  long* balance; /* never set: the fault */
};

static int log_fd = -1;

static void note(const char* what) {
  struct timespec now;
  char line[64];
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int size =
      snprintf(line, sizeof line, "%s %lld%09ld\n", what, (long long)now.tv_sec, now.tv_nsec);
  if (write(log_fd, line, (size_t)size) != size) _exit(2);
}

__attribute__((noinline)) static long canary_read(const struct canary_state* state) {
  note("fault");
  return *state->balance;
}

__attribute__((noinline)) static long canary_recurse(volatile long* above) {
  volatile long frame[64];
  frame[0] = *above + 1;
  return canary_recurse(frame) + frame[0];
}

static void* overflow(void* unused) {
  volatile long start = 0;
  (void)unused;
  note("fault");
  return (void*)(intptr_t)canary_recurse(&start);
}

static int died_before(const char* path) {
  char text[4096];
  const int fd = open(path, O_RDONLY);
  const ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[size > 0 ? size : 0] = '\0';
  return strstr(text, "fault") != NULL;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const char* kind = argv[1];
  const int again = died_before(argv[2]);
  log_fd = open(argv[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log_fd < 0) return 2;
  note("start");
  if (strcmp(kind, "once") == 0 && again) return 0;
  if (strcmp(kind, "null") == 0 || strcmp(kind, "once") == 0) {
    struct canary_state* state = calloc(1, sizeof *state);
    return state == NULL ? 2 : (int)canary_read(state);
  }
  if (strcmp(kind, "abort") == 0) {
    note("fault");
    abort();
  }
  if (strcmp(kind, "overflow") == 0) {
    pthread_t worker;
    if (pthread_create(&worker, NULL, overflow, NULL) != 0) return 2;
    pthread_join(worker, NULL);
  }
  return 2;
}
