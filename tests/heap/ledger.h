// What a test program knows of its own heap. It writes one line a block into the file "ledger", then
// dies with a core:
//   live ADDRESS SIZE [USABLE]   freed ADDRESS SIZE [USABLE]
// SIZE is what was asked for. With LEDGER_USABLE naming the allocator's malloc_usable_size(), USABLE is
// what it said of the block. Output goes through write(2): no stdio, so that nothing but the
// program's own calls is in the heap.
#pragma once

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ledger_entry {
  void *address;
  size_t size, usable;
  int live;
};

enum { kLedgerMax = 1 << 17 };
static struct ledger_entry ledger[kLedgerMax];
static size_t ledger_size;

// Threads take it in turns: the programs join one before they start to print.
static volatile int ledger_lock;
static void ledger_enter(void) {
  while (__sync_lock_test_and_set(&ledger_lock, 1)) {
  }
}
static void ledger_leave(void) { __sync_lock_release(&ledger_lock); }

#ifdef LEDGER_USABLE
size_t LEDGER_USABLE(void *address);
static size_t ledger_usable(void *address) { return LEDGER_USABLE(address); }
#else
static size_t ledger_usable(void *address) { return (void)address, 0; }
#endif

// Any older block that began there is gone: its memory was handed out again.
static void ledger_note(void *address, size_t size, int live) {
  ledger_enter();
  size_t i = ledger_size;
  while (i > 0 && ledger[i - 1].address != address) --i;
  if (i > 0) {
    ledger[i - 1].size = size;
    ledger[i - 1].live = live;
    if (live) ledger[i - 1].usable = ledger_usable(address);
  } else if (ledger_size < kLedgerMax) {
    ledger[ledger_size].address = address;
    ledger[ledger_size].size = size;
    ledger[ledger_size].usable = live ? ledger_usable(address) : 0;
    ledger[ledger_size++].live = live;
  }
  ledger_leave();
}

static void *noted(void *address, size_t size) {
  memset(address, 0x6e, size);
  ledger_note(address, size, 1);
  return address;
}
static void *take(size_t size) { return noted(malloc(size), size); }

static void give_back(void *address) {
  ledger_enter();
  for (size_t i = ledger_size; i-- > 0;) {
    if (ledger[i].address != address) continue;
    ledger[i].live = 0;
    break;
  }
  ledger_leave();
  free(address);
}

static void ledger_number(char **out, uint64_t value) {
  char digits[24];
  int n = 0;
  do digits[n++] = "0123456789abcdef"[value % 16];
  while ((value /= 16) != 0);
  while (n > 0) *(*out)++ = digits[--n];
}

static void ledger_print(void) {
  const int file = open("ledger", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  for (size_t i = 0; i < ledger_size; ++i) {
    char line[100], *out = line;
    const char *word = ledger[i].live ? "live " : "freed ";
    while (*word) *out++ = *word++;
    ledger_number(&out, (uint64_t)(uintptr_t)ledger[i].address);
    *out++ = ' ';
    ledger_number(&out, ledger[i].size);
    if (ledger[i].usable != 0) {
      *out++ = ' ';
      ledger_number(&out, ledger[i].usable);
    }
    *out++ = '\n';
    if (write(file, line, (size_t)(out - line)) < 0) _exit(3);
  }
}
