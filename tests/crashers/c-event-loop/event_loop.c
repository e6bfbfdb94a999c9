#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIND_READ, KIND_WRITE, KIND_HANGUP, KIND_TIMER, KIND_COUNT };

struct event {
  int kind;
  int fd;
};

struct handler {
  void (*on_event)(const struct event* event, void* context);
  void* context;
};

struct loop {
  pthread_mutex_t lock;
  struct handler handlers[KIND_COUNT];
  struct event queue[64];
  int head, tail;
};

static void count_event(const struct event* event, void* context) { *(int*)context += event->fd; }

static void loop_register(struct loop* loop, const char* name, void* context) {
  static const char* const kNames[] = {"read", "write", "hangup", "timer"};
  for (int kind = 0; kind < KIND_COUNT; kind++)
    if (strcmp(kNames[kind], name) == 0)
      loop->handlers[kind] = (struct handler){count_event, context};
}

static void loop_post(struct loop* loop, int kind, int fd) {
  pthread_mutex_lock(&loop->lock);
  loop->queue[loop->tail++ % 64] = (struct event){kind, fd};
  pthread_mutex_unlock(&loop->lock);
}

__attribute__((noinline)) static void loop_dispatch(struct loop* loop, const struct event* event) {
  const struct handler* handler = &loop->handlers[event->kind];
  handler->on_event(event, handler->context);  // CRASH
  loop->head++;
}

static void* loop_run(void* argument) {
  struct loop* loop = argument;
  while (loop->head != loop->tail) {
    struct event event = loop->queue[loop->head % 64];
    loop_dispatch(loop, &event);
  }
  return NULL;
}

int main(void) {
  struct loop* loop = calloc(1, sizeof *loop);
  int seen = 0;
  if (loop == NULL) return 1;
  pthread_mutex_init(&loop->lock, NULL);
  loop_register(loop, "read", &seen);
  loop_register(loop, "write", &seen);
  loop_post(loop, KIND_READ, 4);
  loop_post(loop, KIND_WRITE, 5);
  loop_post(loop, KIND_HANGUP, 4);
  pthread_t worker;
  pthread_create(&worker, NULL, loop_run, loop);
  pthread_join(worker, NULL);
  printf("%d\n", seen);
  return 0;
}
