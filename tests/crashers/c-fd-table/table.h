#pragma once

struct client {
  long bytes;
  int fd;
};

struct handler {
  int fd;
  struct client *client;
};

struct table {
  long magic[2];
  struct handler handlers[4];
  int used;
};

int handler_of(const struct table *table, int fd);
long handler_run(const struct handler *handler);
long serve(const struct table *table, int fd);
