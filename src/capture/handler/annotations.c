#include "capture/handler/annotations.h"

#include <errno.h>
#include <stdint.h>

#include "capture/handler/public.h"
#include "capture/handler/raw.h"

/* A slot's key is written once, before `used` is set, and never changes afterwards. */
struct slot {
  uint32_t used;
  uint32_t sequence; /* odd: being changed; bit 1: which value counts */
  uint8_t is_set[2];
  char key[kInqKeyBytes];
  char value[2][kInqValueBytes];
};

static struct slot slots[kInqAnnotations];
static char gathered[kInqAnnotations * (kInqKeyBytes + kInqValueBytes)];

static unsigned counting(uint32_t sequence) { return sequence >> 1 & 1; }

static size_t append(size_t at, const char* text, size_t limit, char end) {
  size_t length = inq_length(text, limit - 1);
  inq_copy(gathered + at, text, length);
  gathered[at + length] = end;
  return at + length + 1;
}

const char* inq_annotations_gather(size_t* size) {
  size_t at = 0;
  for (int i = 0; i < kInqAnnotations; ++i) {
    const struct slot* slot = &slots[i];
    if (__atomic_load_n(&slot->used, __ATOMIC_ACQUIRE) != 2) continue;
    enum { kTries = 8 };
    for (int attempt = 0; attempt < kTries; ++attempt) {
      uint32_t sequence = __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE);
      unsigned which = counting(sequence);
      size_t end = at;
      if (slot->is_set[which]) {
        end = append(at, slot->key, kInqKeyBytes, '=');
        end = append(end, slot->value[which], kInqValueBytes, '\0');
      }
      __atomic_thread_fence(__ATOMIC_ACQUIRE);
      /* Changed since: the bytes may be of two values. Being changed is fine, that is the other. */
      if ((__atomic_load_n(&slot->sequence, __ATOMIC_RELAXED) | 1) != (sequence | 1)) continue;
      at = end;
      break;
    }
  }
  *size = at;
  return gathered;
}

static int good_key(const char* key, size_t length) {
  if (length == 0 || length >= kInqKeyBytes) return 0;
  for (size_t i = 0; i < length; ++i) {
    unsigned char c = (unsigned char)key[i];
    if (c < ' ' || c == 0x7f || c == '=') return 0;
  }
  return 1;
}

/* `used`: 0 free, 1 the key is being written, 2 in use. */
static struct slot* find(const char* key, size_t length, int make) {
  for (int i = 0; i < kInqAnnotations; ++i) {
    struct slot* slot = &slots[i];
    uint32_t used = __atomic_load_n(&slot->used, __ATOMIC_ACQUIRE);
    if (used == 0) {
      if (!make) return NULL; /* slots are taken in order and never given back */
      if (__atomic_compare_exchange_n(&slot->used, &used, 1, 0, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE)) {
        inq_copy(slot->key, key, length + 1);
        __atomic_store_n(&slot->used, 2, __ATOMIC_RELEASE);
        return slot;
      }
    }
    /* Another thread writes this key right now; it may be ours. A crash in it leaves it so. */
    for (int wait = 0; used == 1 && wait < 1000; ++wait)
      used = __atomic_load_n(&slot->used, __ATOMIC_ACQUIRE);
    if (used == 2 && inq_equal(slot->key, key, length + 1)) return slot;
  }
  return NULL;
}

/* The new sequence (odd), or 0 when another thread holds the slot. */
static uint32_t begin_change(struct slot* slot) {
  enum { kSpins = 10000 };
  for (int i = 0; i < kSpins; ++i) {
    uint32_t sequence = __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED);
    if ((sequence & 1) != 0) continue;
    if (__atomic_compare_exchange_n(&slot->sequence, &sequence, sequence | 1, 0, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
      return sequence | 1;
  }
  return 0;
}

int inquest_annotate(const char* key, const char* value) {
  char copy[kInqValueBytes];
  char name[kInqKeyBytes];
  size_t length = key == NULL ? 0 : inq_length(key, kInqKeyBytes);
  if (length == 0 || length >= kInqKeyBytes || !good_key(key, length)) return EINVAL;
  inq_copy(name, key, length + 1);
  size_t size = value == NULL ? 0 : inq_length(value, kInqValueBytes);
  if (size >= kInqValueBytes) return E2BIG;
  /* Read what is the caller's before the slot is held: a bad pointer faults here. */
  inq_copy(copy, value == NULL ? "" : value, size);
  copy[size] = '\0';

  struct slot* slot = find(name, length, value != NULL);
  if (slot == NULL) return value == NULL ? 0 : ENOSPC;
  uint32_t sequence = begin_change(slot);
  if (sequence == 0) return EAGAIN;
  unsigned other = counting(sequence) ^ 1;
  inq_copy(slot->value[other], copy, size + 1);
  slot->is_set[other] = value != NULL;
  /* +1: even again, and bit 1 flips. */
  __atomic_store_n(&slot->sequence, sequence + 1, __ATOMIC_RELEASE);
  return 0;
}
