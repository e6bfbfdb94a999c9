#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct header {
  char* name;
  char* value;
};

struct request {
  struct header headers[8];
  int count;
};

static void request_header(struct request* request, char* line) {
  char* colon = strchr(line, ':');
  if (colon == NULL) return;
  *colon = '\0';
  request->headers[request->count++] = (struct header){line, colon + 2};
}

static void request_defaults(struct request* request) {
  for (int i = 0; i < request->count; i++)
    if (strcmp(request->headers[i].name, "User-Agent") == 0) return;
  request->headers[request->count++] = (struct header){"User-Agent", "fetch/2.1"};
}

__attribute__((noinline)) static unsigned fold_name(struct header* header) {
  unsigned hash = 5381;
  for (int i = 0; header->name[i] != '\0'; i++) {
    header->name[i] = (char)tolower((unsigned char)header->name[i]);  // CRASH
    hash = hash * 33 + (unsigned char)header->name[i];
  }
  return hash;
}

static unsigned request_hash(struct request* request) {
  unsigned hash = 0;
  for (int i = 0; i < request->count; i++) hash ^= fold_name(&request->headers[i]);
  return hash;
}

int main(void) {
  char host[] = "Host: shop.example.com";
  char accept[] = "Accept: text/html";
  struct request* request = calloc(1, sizeof *request);
  if (request == NULL) return 1;
  request_header(request, host);
  request_header(request, accept);
  request_defaults(request);
  printf("%08x\n", request_hash(request));
  return 0;
}
