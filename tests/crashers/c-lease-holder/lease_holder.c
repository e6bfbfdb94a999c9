#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct lease {
  char owner[32];
  int seconds;
  int renewals;
};

static void supervise(pid_t holder, int grace_ms) {
  struct timespec grace = {grace_ms / 1000, (long)(grace_ms % 1000) * 1000000};
  nanosleep(&grace, NULL);
  kill(holder, SIGABRT);
  _exit(0);
}

static int lease_take(struct lease* lease, const char* owner, int seconds) {
  snprintf(lease->owner, sizeof lease->owner, "%s", owner);
  lease->seconds = seconds;
  lease->renewals = 0;
  pid_t holder = getpid();
  pid_t child = fork();
  if (child == 0) supervise(holder, 120);
  return child > 0 ? 0 : -1;
}

__attribute__((noinline)) static int lease_renew(struct lease* lease) {
  struct timespec pause = {lease->seconds, 0};
  int status = nanosleep(&pause, NULL);  // CRASH
  lease->renewals += status == 0;
  return status;
}

static int hold(struct lease* lease, int rounds) {
  for (int i = 0; i < rounds; i++)
    if (lease_renew(lease) != 0) return -1;
  return lease->renewals;
}

int main(void) {
  struct lease lease;
  if (lease_take(&lease, "worker-3", 30) != 0) return 1;
  printf("%d renewals\n", hold(&lease, 2));
  return 0;
}
