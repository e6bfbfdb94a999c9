#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct job {
  char host[32];
  int port;
};

static int sandbox_enter(void) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int job_parse(struct job* job, const char* text) {
  return sscanf(text, "%31[^:]:%d", job->host, &job->port) == 2 ? 0 : -1;
}

__attribute__((noinline)) static int lookup_peer(const struct job* job) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);  // CRASH
  if (fd < 0) return -1;
  int status = job->port > 0 ? fd : -1;
  close(fd);
  return status;
}

static int work(const char* const* lines, int count) {
  int found = 0;
  for (int i = 0; i < count; i++) {
    struct job job;
    if (job_parse(&job, lines[i]) == 0) found += lookup_peer(&job) >= 0;
  }
  return found;
}

int main(void) {
  static const char* const kLines[] = {"malformed", "db.internal:5432", "cache:6379"};
  if (sandbox_enter() != 0) return 1;
  printf("%d\n", work(kLines, 3));
  return 0;
}
