#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
  int id;
  struct job* next;
};

struct queue {
  struct job* head;
  long pushed;
  pthread_mutex_t lock;
};

struct pool {
  char name[16];
  struct queue* queue;
  int workers;
};

static struct pool* pool_new(const char* name, int workers) {
  struct pool* pool = calloc(1, sizeof *pool);
  if (pool == NULL) exit(1);
  snprintf(pool->name, sizeof pool->name, "%s", name);
  pool->workers = workers;
  if (workers > 0) {
    pool->queue = calloc(1, sizeof *pool->queue);
    pthread_mutex_init(&pool->queue->lock, NULL);
  }
  return pool;
}

__attribute__((noinline)) static long queue_push(struct pool* pool, struct job* job) {
  struct queue* queue = pool->queue;
  pthread_mutex_lock(&queue->lock);  // CRASH
  job->next = queue->head;
  queue->head = job;
  long pushed = ++queue->pushed;
  pthread_mutex_unlock(&queue->lock);
  return pushed;
}

static void* submit(void* argument) {
  struct pool* pool = argument;
  long pushed = 0;
  for (int i = 0; i < 3; i++) {
    struct job* job = calloc(1, sizeof *job);
    job->id = i;
    pushed = queue_push(pool, job);
  }
  return (void*)pushed;
}

int main(void) {
  struct pool* pools[] = {pool_new("io", 2), pool_new("cpu", 0)};
  for (int i = 0; i < 2; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, submit, pools[i]);
    pthread_join(thread, NULL);
  }
  printf("%ld\n", pools[0]->queue->pushed);
  return 0;
}
