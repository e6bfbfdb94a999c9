// Frames: the records of the index, each found and checked by itself, so that damage in one does
// not take the others along. Format: docs/formats/vault.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace inquest::vault {

inline constexpr uint64_t kIndexHeaderBytes = 16;
inline constexpr uint64_t kFrameAlignment = 8;
inline constexpr uint64_t kFrameHeaderBytes = 16;
inline constexpr uint64_t kMaxFrameBytes = 4 << 20;

// The first bytes of an index.
Bytes index_header();
// kUnsupported for an index of a later version, kCorrupt for anything else.
Status check_index_header(ByteView start);

// A frame that holds `payload` and stands at `offset` of the index: its checksum covers where it
// stands.
void append_frame(Bytes& to, std::string_view payload, uint64_t offset);

struct FrameScan {
  uint64_t end = 0;      // where the next frame goes: behind the last good one
  uint64_t damaged = 0;  // bytes between good frames that are none
};

// Calls `visit` for each good frame of `bytes`, which begin at `offset` of the index (a multiple of
// 8). What follows the last good one is a torn tail: a frame that was being written.
FrameScan scan_frames(ByteView bytes, uint64_t offset,
                      const std::function<void(std::string_view payload)>& visit);

}  // namespace inquest::vault
