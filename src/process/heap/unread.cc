// Allocators that are there but cannot be walked, so that nobody takes what was walked for all.
#include <algorithm>
#include <array>

#include "process/heap/heap.h"

namespace inquest::process {
namespace {

struct KnownLibrary {
  std::string_view part;    // of a module's file name
  std::string_view phrase;  // what is said when `walked` is in no recognised allocator's name
  std::string_view walked;
};

constexpr std::array kLibraries = {
    KnownLibrary{"mimalloc", "mimalloc of another version than 2, or not used yet", "mimalloc"},
    KnownLibrary{"libscudo", "scudo", "scudo"},
    KnownLibrary{"libclang_rt.scudo", "scudo", "scudo"},
    KnownLibrary{"hardened_malloc", "hardened_malloc", "hardened_malloc"},
    KnownLibrary{"snmalloc", "snmalloc", "snmalloc"},
    KnownLibrary{"rpmalloc", "rpmalloc", "rpmalloc"},
    KnownLibrary{"libhoard", "Hoard", "Hoard"},
    KnownLibrary{"libumem", "umem", "umem"},
    KnownLibrary{"libtbbmalloc", "TBB's scalable malloc", "tbbmalloc"},
    KnownLibrary{"libmesh.so", "Mesh", "Mesh"},
};

// struct { volatile uint64_t binmap; struct { int lock[2]; struct chunk *head, *tail; } bins[64];
// …}: a bin whose bit is set holds chunks; an empty one is zero, or points at itself once it was
// looked at. Source: musl 1.1 - 1.2.0 src/malloc/malloc.c.
constexpr uint64_t kBins = 64, kBin = 24, kOldSize = 8 + kBins * kBin;
constexpr uint64_t kMinTold = 4, kMaxSearched = uint64_t{64} << 20;

bool is_old_musl(const ProcessImage& image, ByteView bytes, Address base, uint64_t at) {
  const uint64_t map = *load<uint64_t>(bytes, at);
  uint64_t told = 0;
  for (uint64_t i = 0; i < kBins; ++i) {
    const uint64_t bin = at + 8 + i * kBin;
    const uint64_t head = *load<uint64_t>(bytes, bin + 8), tail = *load<uint64_t>(bytes, bin + 16);
    const uint64_t itself = (base + bin - 8).value;
    const bool full = (map >> i & 1) != 0;
    const auto is_chunk = [&](uint64_t value) {
      return value != 0 && value % 16 == 0 && image.mapping_at(Address(value)) != nullptr;
    };
    if (full ? !is_chunk(head) || !is_chunk(tail) || head == itself
             : head != tail || (head != 0 && head != itself))
      return false;
    told += head != 0;
  }
  return told >= kMinTold;
}

// Data of modules and what follows it directly: their .bss.
bool has_old_musl(const HeapInput& input) {
  Address module_end;
  for (const Mapping& mapping : input.image.mappings) {
    const bool of_module =
        input.modules != nullptr && input.modules->find(mapping.range.start) != nullptr;
    if (!of_module && mapping.range.start != module_end) continue;
    module_end = mapping.range.end;
    if (mapping.protection && !mapping.protection->write) continue;
    const ByteView bytes =
        input.memory.view(mapping.range.start, std::min(mapping.range.size(), kMaxSearched));
    for (uint64_t at = 0; at + kOldSize <= bytes.size(); at += 8) {
      if (is_old_musl(input.image, bytes, mapping.range.start, at)) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> unread_allocators(const HeapInput& input,
                                           std::span<const std::unique_ptr<Allocator>> recognised) {
  std::vector<std::string> found;
  const auto is_walked = [&](std::string_view name) {
    return std::any_of(recognised.begin(), recognised.end(), [&](const auto& allocator) {
      return allocator->name().find(name) != std::string::npos;
    });
  };
  if (input.modules != nullptr) {
    for (const auto& module : input.modules->all()) {
      for (const KnownLibrary& library : kLibraries) {
        if (module->name.find(library.part) != std::string::npos && !is_walked(library.walked))
          found.emplace_back(library.phrase);
      }
    }
  }
  if (recognised.empty() && has_old_musl(input))
    found.emplace_back("musl's malloc from before 1.2.1");
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace inquest::process
