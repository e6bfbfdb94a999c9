#include "queue.h"

long queue_flush(struct queue *queue) {
  while (queue->used > 0) {  // CRASH-ALSO
    long before = queue->sink->written;  // CRASH
    queue->sink->written = before + queue->messages[--queue->used];  // CRASH-ALSO
  }
  return queue->sink->written;  // CRASH-ALSO
}
