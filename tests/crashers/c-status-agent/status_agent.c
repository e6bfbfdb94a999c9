#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct probe {
  char name[16];
  int count;
  const int* samples;
};

struct agent {
  struct probe probes[4];
  int count;
};

static void on_fatal(int number, siginfo_t* info, void* context) {
  static const char kText[] = "agent: fatal signal, state dumped\n";
  (void)info;
  (void)context;
  if (write(STDERR_FILENO, kText, sizeof kText - 1) < 0) _exit(1);
  signal(number, SIG_DFL);
  raise(number);
}

static void install_handler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fatal;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, NULL);
}

static void agent_probe(struct agent* agent, const char* name, const int* samples, int count) {
  struct probe* probe = &agent->probes[agent->count++];
  snprintf(probe->name, sizeof probe->name, "%s", name);
  probe->samples = samples;
  probe->count = count;
}

__attribute__((noinline)) static long probe_sum(const struct probe* probe) {
  long sum = 0;
  for (int i = 0; i < probe->count; i++) sum += probe->samples[i];  // CRASH
  return sum;
}

static long agent_report(const struct agent* agent) {
  long total = 0;
  for (int i = 0; i < agent->count; i++) total += probe_sum(&agent->probes[i]);
  return total;
}

int main(void) {
  static const int kLoad[] = {3, 1, 4, 1, 5};
  struct agent* agent = calloc(1, sizeof *agent);
  if (agent == NULL) return 1;
  install_handler();
  agent_probe(agent, "load", kLoad, 5);
  agent_probe(agent, "disk", NULL, 5);
  printf("%ld\n", agent_report(agent));
  return 0;
}
