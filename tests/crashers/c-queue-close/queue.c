#include "queue.h"

#include <stddef.h>

void queue_open(struct queue *queue, struct sink *sink) {
  queue->used = 0;
  queue->closed = 0;
  queue->sink = sink;
}

void queue_put(struct queue *queue, int message) { queue->messages[queue->used++] = message; }

void queue_close(struct queue *queue) {
  queue->closed = 1;
  queue->sink = NULL;
}
