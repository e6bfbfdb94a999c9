#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct driver {
  const char* name;
  int (*ping)(int fd);
  int retries;
};

struct session {
  const struct driver* driver;
  int fd;
  int deadline;
  char token[40];
};

struct table {
  struct session* slots[16];
  int count;
};

static int ping_tcp(int fd) { return fd > 2; }

static const struct driver kTcp = {"tcp", ping_tcp, 3};

static struct session* table_add(struct table* table, int fd, int deadline) {
  struct session* session = calloc(1, sizeof *session);
  if (session == NULL) exit(1);
  session->driver = &kTcp;
  session->fd = fd;
  session->deadline = deadline;
  snprintf(session->token, sizeof session->token, "token-%d-%d", fd, deadline);
  table->slots[table->count++] = session;
  return session;
}

__attribute__((noinline)) static void session_expire(struct session* session) {
  memset(session->token, 0, sizeof session->token);
  free(session);
}

static int table_sweep(struct table* table, int now) {
  int expired = 0;
  for (int i = 0; i < table->count; i++) {
    if (table->slots[i]->deadline > now) continue;
    session_expire(table->slots[i]);
    expired++;
  }
  return expired;
}

__attribute__((noinline)) static int session_notify(struct session* session) {
  int tries = session->driver->retries;  // CRASH
  while (tries-- > 0)
    if (session->driver->ping(session->fd)) return 1;
  return 0;
}

int main(void) {
  struct table* table = calloc(1, sizeof *table);
  if (table == NULL) return 1;
  for (int fd = 3; fd < 9; fd++) table_add(table, fd, fd * 100);
  int expired = table_sweep(table, 350);
  int alive = 0;
  for (int i = 0; i < table->count; i++) alive += session_notify(table->slots[i]);
  printf("%d expired, %d alive\n", expired, alive);
  return 0;
}
