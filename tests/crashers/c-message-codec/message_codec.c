#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct message {
  uint16_t kind;
  uint16_t length;
  char* body;
};

struct wire {
  uint16_t kind;
  uint16_t length;
  uint32_t crc;
  uint64_t word;
};

static struct wire wire_parse(const char* hex) {
  struct wire wire;
  unsigned kind, length, crc;
  unsigned long long word;
  if (sscanf(hex, "%x:%x:%x:%llx", &kind, &length, &crc, &word) != 4) exit(1);
  wire.kind = (uint16_t)kind;
  wire.length = (uint16_t)length;
  wire.crc = crc;
  wire.word = word;
  return wire;
}

static struct message* message_decode(const struct wire* wire) {
  struct message* message = malloc(sizeof *message);
  if (message == NULL) exit(1);
  message->kind = wire->kind;
  message->length = wire->length;
  memcpy(&message->body, &wire->word, sizeof message->body);
  if (wire->length > 0) {
    message->body = malloc(wire->length);
    memcpy(message->body, &wire->word, wire->length < 8 ? wire->length : 8);
  }
  return message;
}

__attribute__((noinline)) static void message_free(struct message* message) {
  message->kind = 0;
  free(message->body);  // CRASH
  free(message);
}

int main(void) {
  static const char* const kTrace[] = {"1:8:ab12:6f6c6c6548", "2:0:77:3f10c0de0040"};
  for (int i = 0; i < 2; i++) {
    struct wire wire = wire_parse(kTrace[i]);
    struct message* message = message_decode(&wire);
    printf("kind %d\n", message->kind);
    message_free(message);
  }
  return 0;
}
