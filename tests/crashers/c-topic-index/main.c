// An index of topics of a message broker. Topics with the same name are merged; idle ones expire.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kTopics = 24 };
struct topic {
  char name[16];
  long messages, last_used;
  struct topic *next;
};
struct index {
  struct topic *slots[kTopics];
  long expired;
};

static struct topic *topic_new(int number) {
  struct topic *topic = calloc(1, sizeof *topic);
  if (topic == NULL) exit(2);
  snprintf(topic->name, sizeof topic->name, "queue/%d", number % 20);
  topic->messages = number + 7;
  topic->last_used = number % 3;
  return topic;
}

__attribute__((noinline)) static void topic_merge(struct index *index, int into, int from) {
  struct topic *winner = index->slots[into], *loser = index->slots[from];
  winner->messages += loser->messages;
  if (loser->last_used > winner->last_used) winner->last_used = loser->last_used;
  free(loser);
}

__attribute__((noinline)) static long topic_expire(struct index *index, int slot) {
  struct topic *topic = index->slots[slot];
  free(topic);  // CRASH
  index->slots[slot] = NULL;
  return ++index->expired;
}

int main(void) {
  struct index index = {.expired = 0};
  for (int i = 0; i < kTopics; ++i) index.slots[i] = topic_new(i);
  for (int i = 0; i < kTopics; ++i) {
    for (int j = i + 1; j < kTopics; ++j) {
      if (strcmp(index.slots[i]->name, index.slots[j]->name) == 0) topic_merge(&index, i, j);
    }
  }
  long expired = 0;
  for (int i = 1; i < kTopics; i += 2) expired = topic_expire(&index, i);  // CRASH-ALSO
  printf("%ld expired\n", expired);
  return 0;
}
