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
  const char* name;
  size_t length;
  uint32_t gnu_hash;
  int is_behind_us;
  uintptr_t found;
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
static int is_it(const struct object* object, uint32_t index, const struct search* search) {
  enum { kHidden = 0x8000 };
  const ElfW(Sym)* symbol = &object->symbols[index];
  return symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
         inq_equal(object->names + symbol->st_name, search->name, search->length + 1) &&
         (object->versions == NULL || (object->versions[index] & kHidden) == 0);
}

static uint32_t find_by_gnu_hash(const struct object* object, const struct search* search) {
  const uint32_t* table = object->gnu_hash;
  uint32_t buckets = table[0], first = table[1], bloom_words = table[2];
  const uint32_t* bucket = table + 4 + (size_t)bloom_words * (sizeof(ElfW(Addr)) / sizeof *table);
  const uint32_t* chain = bucket + buckets;
  uint32_t index = buckets != 0 ? bucket[search->gnu_hash % buckets] : 0;
  if (index < first) return 0;
  for (;; ++index) {
    uint32_t hash = chain[index - first];
    if ((hash | 1) == (search->gnu_hash | 1) && is_it(object, index, search)) return index;
    if ((hash & 1) != 0) return 0;
  }
}

static uint32_t find_one_by_one(const struct object* object, const struct search* search) {
  for (uint32_t i = 1; i < object->hash[1]; ++i) {
    if (is_it(object, i, search)) return i;
  }
  return 0;
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
  uint32_t index = 0;
  if (object.gnu_hash != NULL) {
    index = find_by_gnu_hash(&object, search);
  } else if (object.hash != NULL) {
    index = find_one_by_one(&object, search);
  }
  if (index != 0) search->found = object.base + object.symbols[index].st_value;
  return index != 0;
}

inq_function inq_next(const char* name) {
  enum { kNameBytes = 64 };
  struct search search = {.name = name, .length = inq_length(name, kNameBytes), .gnu_hash = 5381};
  for (size_t i = 0; i < search.length; ++i)
    search.gnu_hash = search.gnu_hash * 33 + (unsigned char)name[i];
  if (dl_iterate_phdr != NULL) dl_iterate_phdr(visit, &search);
  return (inq_function)search.found;
}
