#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session {
  uint64_t id;
  const char* user;
  const char* peer;
  int level;
};

struct record {
  uint64_t id;
  uint64_t user;
  uint32_t peer_offset;
  int32_t level;
};

struct store {
  struct record records[8];
  int count;
  char names[64];
};

static void store_append(struct store* store, const char* line) {
  unsigned long long id, user;
  struct record* record = &store->records[store->count++];
  if (sscanf(line, "%llu %llu %d", &id, &user, &record->level) != 3) exit(1);
  record->id = id;
  record->user = user;
  record->peer_offset = 0;
}

static struct session* session_restore(struct store* store, int index) {
  const struct record* record = &store->records[index];
  struct session* session = malloc(sizeof *session);
  if (session == NULL) exit(1);
  session->id = record->id;
  memcpy(&session->user, &record->user, sizeof session->user);
  session->peer = store->names + record->peer_offset;
  session->level = record->level;
  return session;
}

__attribute__((noinline)) static int audit_line(char* out, size_t size,
                                                const struct session* session) {
  return snprintf(out, size, "[%d] session %llu user %s from %s", session->level,  // CRASH
                  (unsigned long long)session->id, session->user, session->peer);  // CRASH-ALSO
}

static int audit_all(struct store* store) {
  char line[160];
  int bytes = 0;
  for (int i = 0; i < store->count; i++)
    bytes += audit_line(line, sizeof line, session_restore(store, i));
  return bytes;
}

int main(void) {
  struct store store = {.names = "10.1.2.3"};
  store_append(&store, "77 94812366001 2");
  store_append(&store, "78 94812366002 2");
  printf("%d bytes\n", audit_all(&store));
  return 0;
}
