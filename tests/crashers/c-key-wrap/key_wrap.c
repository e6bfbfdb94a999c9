#include <emmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wrapper {
  uint8_t handle[48];
  uint64_t blocks;
};

static void wrapper_init(struct wrapper* wrapper, const char* key) {
  memset(wrapper, 0, sizeof *wrapper);
  for (size_t i = 0; key[i] != '\0'; i++) wrapper->handle[i % 48] ^= (uint8_t)key[i];
}

__attribute__((noinline)) static int wrap_block(struct wrapper* wrapper, uint8_t block[16]) {
  const uint8_t* handle = wrapper->handle;
  wrapper->blocks++;
  __asm__ volatile(  // CRASH
      "movdqu %1, %%xmm0\n\t"
      "aesenc128kl (%%rax), %%xmm0"  // CRASH-ALSO
      : "+m"(*(uint8_t(*)[16])block)
      : "m"(*(uint8_t(*)[16])block), "a"(handle)
      : "xmm0");
  return (int)wrapper->blocks;
}

static int wrap(struct wrapper* wrapper, const char* text) {
  uint8_t block[16];
  int blocks = 0;
  for (size_t at = 0; at < strlen(text); at += 16) {
    memset(block, 0, sizeof block);
    memcpy(block, text + at, strlen(text + at) < 16 ? strlen(text + at) : 16);
    blocks = wrap_block(wrapper, block);
  }
  return blocks;
}

int main(void) {
  struct wrapper wrapper;
  wrapper_init(&wrapper, "correct horse battery staple");
  printf("%d\n", wrap(&wrapper, "attack at dawn, bring the tape"));
  return 0;
}
