#include "capture/handler/lookup.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>

#include "capture/handler/raw.h"

#pragma weak dl_iterate_phdr

/* What the dynamic section of an object says (gABI chapter 5; DT_GNU_HASH as binutils writes it).
 */
struct object {
  uintptr_t base;
  const ElfW(Sym) * symbols;
  const char* names;
  const uint16_t* versions;
  const uint32_t* gnu_hash;
  const uint32_t* hash;
};

struct search {
  struct inq_sought* sought;
  size_t count;
  uint32_t gnu_hash[kInqMostSought];
  int is_behind_us;
};

/* glibc writes addresses over the offsets that stand in the file, musl leaves them. */
static const void* at(const struct object* object, ElfW(Addr) pointer) {
  return (const void*)(pointer >= object->base ? pointer : object->base + pointer);
}

static int read_dynamic(const ElfW(Dyn) * entry, struct object* object) {
  for (; entry->d_tag != DT_NULL; ++entry) {
    ElfW(Addr) pointer = entry->d_un.d_ptr;
    if (entry->d_tag == DT_SYMTAB) object->symbols = at(object, pointer);
    if (entry->d_tag == DT_STRTAB) object->names = at(object, pointer);
    if (entry->d_tag == DT_VERSYM) object->versions = at(object, pointer);
    if (entry->d_tag == DT_GNU_HASH) object->gnu_hash = at(object, pointer);
    if (entry->d_tag == DT_HASH) object->hash = at(object, pointer);
  }
  return object->symbols != NULL && object->names != NULL;
}

/* Defined, a function, of this name, and its default version. */
static int is_it(const struct object* object, uint32_t index, const char* name) {
  enum { kHidden = 0x8000, kNameBytes = 64 };
  const ElfW(Sym)* symbol = &object->symbols[index];
  return symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
         inq_equal(object->names + symbol->st_name, name, inq_length(name, kNameBytes) + 1) &&
         (object->versions == NULL || (object->versions[index] & kHidden) == 0);
}

/* Most objects do not have the name, which one word of the Bloom filter nearly always tells. */
static uint32_t find_by_gnu_hash(const struct object* object, const char* name, uint32_t wanted) {
  enum { kBits = 64 };
  const uint32_t* table = object->gnu_hash;
  uint32_t buckets = table[0], first = table[1], words = table[2], shift = table[3];
  const uint64_t* bloom = (const uint64_t*)(table + 4);
  const uint32_t* bucket = (const uint32_t*)(bloom + words);
  const uint32_t* chain = bucket + buckets;
  uint64_t bits = UINT64_C(1) << wanted % kBits | UINT64_C(1) << (wanted >> shift) % kBits;
  if (buckets == 0 || words == 0 || (bloom[wanted / kBits % words] & bits) != bits) return 0;
  uint32_t index = bucket[wanted % buckets];
  if (index < first) return 0;
  for (;; ++index) {
    uint32_t hash = chain[index - first];
    if ((hash | 1) == (wanted | 1) && is_it(object, index, name)) return index;
    if ((hash & 1) != 0) return 0;
  }
}

static uint32_t find_one_by_one(const struct object* object, const char* name) {
  for (uint32_t i = 1; i < object->hash[1]; ++i) {
    if (is_it(object, i, name)) return i;
  }
  return 0;
}

/* Whether all are found. */
static int search_object(const struct object* object, struct search* search) {
  int missing = 0;
  for (size_t i = 0; i < search->count; ++i) {
    struct inq_sought* sought = &search->sought[i];
    uint32_t index = 0;
    if (sought->found != NULL) continue;
    if (object->gnu_hash != NULL) {
      index = find_by_gnu_hash(object, sought->name, search->gnu_hash[i]);
    } else if (object->hash != NULL) {
      index = find_one_by_one(object, sought->name);
    }
    if (index != 0) {
      sought->found = (inq_function)(object->base + object->symbols[index].st_value);
    } else {
      ++missing;
    }
  }
  return missing == 0;
}

static int visit(struct dl_phdr_info* info, size_t size, void* argument) {
  struct search* search = argument;
  struct object object = {.base = info->dlpi_addr};
  const ElfW(Dyn)* dynamic = NULL;
  int is_ours = 0;
  (void)size;
  for (size_t i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)* header = &info->dlpi_phdr[i];
    uintptr_t begin = info->dlpi_addr + header->p_vaddr;
    if (header->p_type == PT_DYNAMIC) dynamic = (const ElfW(Dyn)*)begin;
    if (header->p_type == PT_LOAD && (uintptr_t)visit - begin < header->p_memsz) is_ours = 1;
  }
  if (is_ours) search->is_behind_us = 1;
  if (is_ours || !search->is_behind_us || dynamic == NULL || !read_dynamic(dynamic, &object))
    return 0;
  return search_object(&object, search);
}

static uint32_t gnu_hash_of(const char* name) {
  uint32_t hash = 5381;
  for (; *name != '\0'; ++name) hash = hash * 33 + (unsigned char)*name;
  return hash;
}

void inq_find_next(struct inq_sought* sought, size_t count) {
  struct search search;
  search.sought = sought;
  search.count = count < kInqMostSought ? count : kInqMostSought;
  search.is_behind_us = 0;
  for (size_t i = 0; i < search.count; ++i) search.gnu_hash[i] = gnu_hash_of(sought[i].name);
  if (dl_iterate_phdr != NULL) dl_iterate_phdr(visit, &search);
}
