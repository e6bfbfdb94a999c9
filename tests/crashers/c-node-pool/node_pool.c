#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
  int value;
  int weight;
  struct node* next;
};

struct list {
  struct node* head;
  struct node* tail;
  int expected;
};

__attribute__((noinline)) static struct node* node_new(int value) {
  struct node* node = malloc(sizeof *node);
  if (node == NULL) exit(1);
  node->value = value;
  node->weight = 1;
  return node;
}

static void list_append(struct list* list, int value) {
  struct node* node = node_new(value);
  if (list->tail != NULL)
    list->tail->next = node;
  else
    list->head = node;
  list->tail = node;
  list->expected++;
}

__attribute__((noinline)) static int list_length(const struct list* list) {
  int length = 0;
  for (const struct node* node = list->head; node != NULL; node = node->next)  // CRASH
    length += node->weight;                                                    // CRASH-ALSO
  return length;
}

static int load(struct list* list, const char* text) {
  for (char* end; *text != '\0'; text = end) {
    long value = strtol(text, &end, 10);
    if (end == text) break;
    list_append(list, (int)value);
  }
  return list_length(list);
}

int main(void) {
  struct list list = {NULL, NULL, 0};
  printf("%d\n", load(&list, "11 22 33 44"));
  return 0;
}
