// For the tests and the fuzzer of this room: what real interpreters say of themselves (x86-64).
#pragma once

#include <vector>

#include "process/runtime/cpython/layout.h"
#include "process/runtime/cpython/task_lists.h"

namespace inquest::process::cpython {

inline Bytes bytes_of_words(const std::vector<uint64_t>& words, std::string_view start = {}) {
  Bytes bytes(start.begin(), start.end());
  for (const uint64_t word : words) {
    for (unsigned i = 0; i < 8; ++i) bytes.push_back(static_cast<uint8_t>(word >> (8 * i)));
  }
  return bytes;
}

// The words of _Py_DebugOffsets of 3.13.0, 3.14.10 and 3.15.2, after the cookie, up to those of
// generators.
inline std::vector<uint64_t> described_words(uint32_t minor) {
  if (minor == 13) {
    return {0x030d00f0, 0,   283320, 608, 632,  194968, 7272, 7264, 7344, 7400, 7656, 7640,
            7648,       16,  7752,   0,   7768, 7760,   304,  0,    8,    16,   72,   152,
            160,        232, 32,     80,  8,    0,      56,   72,   70,   208,  112,  120,
            128,        136, 68,     52,  96,   104,    200,  16,   8,    416,  24,   88,
            168,        32,  24,     16,  40,   24,     16,   48,   32,   40,   24,   16,
            32,         16,  24,     40,  16,   32,     64,   32,   16,   40,   240,  200};
  }
  if (minor == 14) {
    return {0x030e0af0, 0,   316616, 784, 808,  225864, 7280, 7272, 7344, 7360, 7408, 7688, 7672,
            7680,       16,  7784,   0,   7800, 7792,   7992, 0,    832,  0,    8,    16,   72,
            152,        160, 232,    32,  88,   8,      0,    56,   80,   74,   64,   0,    216,
            112,        120, 128,    136, 68,   52,     96,   104,  208,  0,    16,   8,    416,
            24,         88,  168,    40,  32,   16,     40,   24,   16,   200,  24,   40,   32,
            48,         32,  40,     24,  16,   32,     16,   24,   40,   16,   32,   64,   32,
            16,         40,  264,    192, 160,  24,     72,   67};
  }
  return {0x030f02f0, 0,   346568, 912, 936,  226240, 7272, 7264, 7336, 7352, 7400, 7592, 7576,
          7584,       16,  7736,   0,   7752, 7744,   7944, 0,    888,  0,    8,    16,   72,
          80,         88,  96,     176, 184,  256,    32,   36,   40,   136,  288,  0,    88,
          8,          0,   56,     80,  74,   64,     0,    216,  112,  120,  128,  136,  68,
          52,         96,  104,    208, 0,    16,     8,    424,  24,   88,   168,  32,   288,
          944,        888, 40,     32,  16,   40,     24,   16,   200,  24,   40,   32,   48,
          32,         40,  24,     16,  32,   16,     24,   40,   16,   32,   64,   32,   16,
          40,         56,  176,    112, 120,  1120,   104,  160,  24,   72,   67};
}

inline Bytes described(uint32_t minor) {
  return bytes_of_words(described_words(minor), kDebugCookie);
}

// Py_AsyncioModuleDebugOffsets of 3.14.10 and 3.15.2.
inline std::vector<uint64_t> asyncio_words(uint32_t minor) {
  if (minor == 14) return {168, 136, 96, 108, 109, 128, 152, 225864, 10880, 936, 864, 872, 880};
  return {168, 136, 96, 108, 109, 128, 152, 226240, 10856, 1104, 1024, 1032, 1048};
}

// 3.6 to 3.15.
inline Layout layout_of_fake(uint32_t minor) {
  if (const auto layout = layout_of({3, minor, {}})) return *layout;
  return read_debug_offsets(described(minor))->layout;
}
inline std::optional<TaskLists> task_lists_of_fake(uint32_t minor) {
  if (minor < 14) return std::nullopt;
  return read_task_lists(bytes_of_words(asyncio_words(minor)), layout_of_fake(minor));
}

}  // namespace inquest::process::cpython
