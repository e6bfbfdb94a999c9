#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer {
  char address[24];
  long requests;
};

struct connection {
  int fd;
  int length;
  char line[40];
  struct peer* peer;
};

static struct connection* connection_accept(int fd, const char* address) {
  struct connection* conn = calloc(1, sizeof *conn);
  struct peer* peer = calloc(1, sizeof *peer);
  if (conn == NULL || peer == NULL) exit(1);
  snprintf(peer->address, sizeof peer->address, "%s", address);
  conn->fd = fd;
  conn->peer = peer;
  return conn;
}

static void connection_feed(struct connection* conn, const char* data) {
  char* out = conn->line;
  conn->length = 0;
  while (*data != '\0' && *data != '\r') {
    __asm__("" : "+r"(out));
    *out++ = *data++;
    conn->length++;
  }
}

__attribute__((noinline)) static long connection_touch(struct connection* conn) {
  conn->peer->requests += 1;  // CRASH
  return conn->peer->requests;
}

static long serve(const char* const* requests) {
  struct connection* conn = connection_accept(7, "192.0.2.10");
  long served = 0;
  for (; *requests != NULL; requests++) {
    connection_feed(conn, *requests);
    served = connection_touch(conn);
  }
  return served;
}

int main(void) {
  static const char* const kRequests[] = {
      "GET /health HTTP/1.1\r\n", "GET /api/v1/orders/list?limit=200&cursor=eyJp HTTP/1.1\r\n",
      NULL};
  printf("%ld\n", serve(kRequests));
  return 0;
}
