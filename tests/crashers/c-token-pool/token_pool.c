#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct token {
  char* text;
  size_t length;
  struct token* next;
};

struct pool {
  struct token* head;
  int live;
};

static struct token* pool_take(struct pool* pool, const char* text) {
  struct token* token = malloc(sizeof *token);
  if (token == NULL) exit(1);
  token->length = strlen(text);
  token->text = malloc(token->length + 1);
  memcpy(token->text, text, token->length + 1);
  token->next = pool->head;
  pool->head = token;
  pool->live++;
  return token;
}

static void token_strip(struct token* token, const char* prefix) {
  size_t size = strlen(prefix);
  if (token->length >= size && strncmp(token->text, prefix, size) == 0) {
    token->text += size;
    token->length -= size;
  }
}

__attribute__((noinline)) static void pool_release(struct pool* pool, struct token* token) {
  free(token->text);  // CRASH
  pool->live--;
  free(token);
}

static void pool_drain(struct pool* pool) {
  while (pool->head != NULL) {
    struct token* token = pool->head;
    pool->head = token->next;
    pool_release(pool, token);
  }
}

int main(int argc, char** argv) {
  struct pool pool = {0};
  struct token* token = pool_take(&pool, argc > 1 ? argv[1] : "Bearer eyJhbGciOi");
  pool_take(&pool, "Basic dXNlcjpwYXNz");
  token_strip(token, "Bearer ");
  pool_drain(&pool);
  printf("%d\n", pool.live);
  return 0;
}
