#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct route {
  unsigned prefix;
  unsigned bits;
  int hop;
};

struct table {
  struct route routes[16];
  int count;
  int published;
  long* counters;
};

static unsigned parse_prefix(const char* text, unsigned* bits) {
  unsigned a, b, c, d;
  if (sscanf(text, "%u.%u.%u.%u/%u", &a, &b, &c, &d, bits) != 5) exit(1);
  return a << 24 | b << 16 | c << 8 | d;
}

static void table_add(struct table* table, const char* prefix, int hop) {
  struct route* route = &table->routes[table->count++];
  route->prefix = parse_prefix(prefix, &route->bits);
  route->hop = hop;
}

static void table_publish(struct table* table) {
  table->counters = calloc((size_t)table->count, sizeof *table->counters);
  table->published = 1;
}

static int table_match(const struct table* table, unsigned address) {
  for (int i = table->count - 1; i >= 0; i--) {
    unsigned mask = table->routes[i].bits ? ~0u << (32 - table->routes[i].bits) : 0;
    if ((address & mask) == table->routes[i].prefix) return i;
  }
  return -1;
}

__attribute__((noinline)) static long route_hits(const struct table* table, unsigned address) {
  int index = table_match(table, address);
  if (index < 0) return 0;
  return table->counters[index];  // CRASH
}

int main(void) {
  struct table* table = calloc(1, sizeof *table);
  if (table == NULL) return 1;
  unsigned bits;
  table_add(table, "0.0.0.0/0", 1);
  table_add(table, "10.0.0.0/8", 2);
  table_add(table, "10.20.0.0/16", 3);
  table_add(table, "10.20.30.0/24", 4);
  long hits = route_hits(table, parse_prefix("10.20.30.40/32", &bits));
  table_publish(table);
  printf("%ld hits\n", hits);
  return 0;
}
