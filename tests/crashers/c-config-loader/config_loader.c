#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES 32

struct entry {
  char key[32];
  char value[64];
};

struct config {
  struct entry entries[MAX_ENTRIES];
  int count;
};

static const char kFile[] =
    "listen.port = 8080\n"
    "log.level = info\n"
    "cache.size = 512\n";

static void config_parse(struct config* config, const char* text) {
  while (*text != '\0' && config->count < MAX_ENTRIES) {
    struct entry* entry = &config->entries[config->count];
    if (sscanf(text, "%31[^ =] = %63[^\n]", entry->key, entry->value) == 2) config->count++;
    text = strchr(text, '\n');
    if (text == NULL) break;
    text++;
  }
}

static const char* config_get(const struct config* config, const char* key) {
  for (int i = 0; i < config->count; i++)
    if (strcmp(config->entries[i].key, key) == 0) return config->entries[i].value;
  return NULL;
}

__attribute__((noinline)) static size_t upstream_address_length(const struct config* config,
                                                                const char* name) {
  char key[48];
  snprintf(key, sizeof key, "upstream.%s", name);
  const char* value = config_get(config, key);
  return strlen(value) + 1;  // CRASH
}

int main(int argc, char** argv) {
  struct config* config = calloc(1, sizeof *config);
  if (config == NULL) return 1;
  config_parse(config, kFile);
  size_t need = upstream_address_length(config, argc > 1 ? argv[1] : "primary");
  char* address = malloc(need);
  printf("%d entries, %zu bytes, %p\n", config->count, need, (void*)address);
  return 0;
}
