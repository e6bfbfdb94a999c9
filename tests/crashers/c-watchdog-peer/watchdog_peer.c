#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

struct server {
  int fds[2];
  long served;
  pid_t checker;
};

static void checker_run(pid_t service, int fd) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  for (int missed = 0; missed < 3; missed++)
    if (poll(&wait, 1, 30) == 1) return;
  kill(service, SIGSEGV);
}

static int server_start(struct server* server) {
  if (pipe(server->fds) != 0) return -1;
  pid_t service = getpid();
  server->checker = fork();
  if (server->checker == 0) {
    close(server->fds[1]);
    checker_run(service, server->fds[0]);
    _exit(0);
  }
  return server->checker < 0 ? -1 : 0;
}

__attribute__((noinline)) static long serve_forever(struct server* server, int timeout) {
  struct pollfd quiet = {.fd = -1, .events = POLLIN};
  while (poll(&quiet, 1, timeout) >= 0) {  // CRASH
    server->served++;
  }
  return server->served;
}

int main(void) {
  struct server server = {.served = 0};
  if (server_start(&server) != 0) return 1;
  printf("%ld\n", serve_forever(&server, 20000));
  return 0;
}
