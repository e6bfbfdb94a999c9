#include <stdio.h>
#include <string.h>

#include "upload.h"

struct request {
  char verb;
  int id;
  const char *text;
};

static void serve(const struct request *request) {
  int status = 0;
  if (request->verb == 'B') status = upload_begin(request->id, 64, request->text);
  if (request->verb == 'C') status = upload_chunk(request->id, request->text, strlen(request->text));
  printf("%c %d: %d\n", request->verb, request->id, status);
}

int main(void) {
  const struct request requests[] = {
      {'B', 3, "9f01"}, {'C', 3, "hello"}, {'B', 4, "zz"}, {'C', 4, "world"}};
  for (int i = 0; i < 4; ++i) serve(&requests[i]);
  return 0;
}
