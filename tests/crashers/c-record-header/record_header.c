#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct target {
  unsigned hash;
  int port;
};

__attribute__((noinline)) static unsigned hash_bytes(const char* data, size_t size) {
  unsigned hash = 2166136261u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)data[i]) * 16777619u;
  return hash;
}

__attribute__((noinline)) static size_t copy_until(char* out, const char* text, char stop) {
  size_t size = 0;
  while (text[size] != '\0' && text[size] != stop) {
    out[size] = text[size];
    size++;
  }
  out[size] = '\0';
  return size;
}

__attribute__((noinline)) static int parse_host(const char* header, struct target* target) {
  char host[32];
  size_t size = copy_until(host, header, ':');
  target->hash = hash_bytes(host, size);
  target->port = header[size] == ':' ? atoi(header + size + 1) : 80;
  return target->port > 0;
}  // CRASH

static int route_request(const char* request) {
  struct target target = {0, 0};
  const char* host = strstr(request, "Host: ");
  if (host == NULL || !parse_host(host + 6, &target)) return -1;
  return (int)(target.hash % 64) + target.port;
}

int main(void) {
  printf("%d\n", route_request("GET / HTTP/1.1\nHost: short.example:8080"));
  printf("%d\n",
         route_request("GET / HTTP/1.1\nHost: a-tenant-with-a-very-long-name.eu-central-1.internal"
                       ".service.mesh.example.com:8443"));
  return 0;
}
