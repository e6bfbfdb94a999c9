#pragma once

struct sink {
  long written;
  const char *path;
};

struct queue {
  int used;
  int closed;
  int messages[16];
  struct sink *sink;
};

void queue_open(struct queue *queue, struct sink *sink);
void queue_put(struct queue *queue, int message);
void queue_close(struct queue *queue);
long queue_flush(struct queue *queue);
