/* bigcrash MEBIBYTES THREADS PORT LOG: fills memory with pages of text and of noise in turn, listens on PORT, notes the time, and dies. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static size_t share;
static pthread_barrier_t filled;

static void *fill(void *unused) {
  uint64_t seed = (uint64_t)(uintptr_t)&seed | 1;
  char *memory = malloc(share);
  (void)unused;
  if (memory == NULL) exit(2);
  for (size_t at = 0; at + 4096 <= share; at += 4096) {
    if (at / 4096 % 2 == 0) {
      memset(memory + at, "the quick brown fox "[at / 8192 % 20], 4096);
      continue;
    }
    for (size_t i = 0; i < 4096; i += 8) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      memcpy(memory + at + i, &seed, 8);
    }
  }
  pthread_barrier_wait(&filled);
  for (;;) pause();
  return memory;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const int threads = atoi(argv[2]);
  share = (size_t)atol(argv[1]) * 1048576 / (size_t)threads;
  pthread_barrier_init(&filled, NULL, (unsigned)threads + 1);
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, fill, NULL) != 0) return 2;
  }
  pthread_barrier_wait(&filled);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3])),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0) return 3;
  const int log = open(argv[4], O_WRONLY | O_CREAT | O_APPEND, 0600);
  dprintf(log, "ready %d\n", (int)getpid());
  /* The measuring side says when: it holds a pidfd by then. */
  char go;
  if (read(STDIN_FILENO, &go, 1) != 1) return 4;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  dprintf(log, "fault %lld%09ld\n", (long long)now.tv_sec, now.tv_nsec);
  *(volatile int *)NULL = 1;
  return 0;
}
