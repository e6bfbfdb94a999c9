// MinidumpFile: the streams of a minidump, and the records and strings in them.
//
// Source: Microsoft's minidumpapiset.h (MINIDUMP_HEADER, MINIDUMP_DIRECTORY, MINIDUMP_STRING, the
// lists), and what Breakpad and Crashpad add to it (docs/formats/minidump.md). Everything is
// little-endian; an "rva" is an offset in the file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace inquest::process {

namespace minidump {

enum StreamType : uint32_t {
  kThreadList = 3,
  kModuleList = 4,
  kMemoryList = 5,
  kException = 6,
  kSystemInfo = 7,
  kMemory64List = 9,
  kMiscInfo = 15,
  kMemoryInfoList = 16,
  kThreadNames = 24,
  // Breakpad and those who write like it. 0x47670007, the environment, is left alone on purpose:
  // it holds secrets.
  kLinuxCpuInfo = 0x47670003,
  kLinuxProcStatus = 0x47670004,
  kLinuxLsbRelease = 0x47670005,
  kLinuxCommandLine = 0x47670006,
  kLinuxAuxv = 0x47670008,
  kLinuxMaps = 0x47670009,
  kCrashpadInfo = 0x43500001,
};

struct Location {
  uint32_t size = 0;
  uint32_t rva = 0;
};

}  // namespace minidump

// Limits on hostile files.
inline constexpr uint32_t kMaxMinidumpStreams = 1024;      // Breakpad writes 13, Windows some 20
inline constexpr size_t kMaxMinidumpText = 4096;           // bytes of one string
inline constexpr size_t kMaxMinidumpTextTotal = 32 << 20;  // of all strings, as they may overlap

class MinidumpFile {
 public:
  // Whether these first bytes are those of a minidump.
  static bool is_minidump(ByteView start);

  // Reads header and directory. `bytes` must outlive it. kTruncated when the directory is lost.
  static Result<MinidumpFile> parse(ByteView bytes);

  ByteView bytes() const { return bytes_; }
  bool has(uint32_t type) const { return streams_.contains(type); }
  // The first stream of that type, as far as the file has it; empty when there is none.
  ByteView stream(uint32_t type) const;
  // Seconds since 1970 at which it was written; 0 when not recorded.
  uint32_t written_at() const { return written_at_; }
  // How many bytes the streams reach beyond the end of the file.
  uint64_t lost() const { return lost_; }

  // The bytes at a location, as far as the file has them.
  ByteView at(minidump::Location location) const;
  // All of them, or nothing.
  ByteView whole(minidump::Location location) const;

  // The entries of a list stream: a 32-bit count, perhaps four bytes of padding, then entries of
  // `entry_size` bytes. As many as are whole.
  std::vector<ByteView> list(uint32_t type, uint64_t entry_size) const;

  // MINIDUMP_STRING at `rva`, as UTF-8; empty when it is not there, cut at kMaxMinidumpText.
  std::string utf16(uint64_t rva) const;
  // The same in UTF-8, as Crashpad has its annotations: a length, then bytes.
  std::string utf8(uint64_t rva) const;

 private:
  explicit MinidumpFile(ByteView bytes) : bytes_(bytes) {}
  // The bytes of a string with its length in front; empty when the budget of strings is spent.
  ByteView text_at(uint64_t rva) const;

  ByteView bytes_;
  std::map<uint32_t, minidump::Location> streams_;
  uint32_t written_at_ = 0;
  uint64_t lost_ = 0;
  mutable size_t text_left_ = kMaxMinidumpTextTotal;
};

// A MINIDUMP_LOCATION_DESCRIPTOR at `offset` of a record; {0, 0} when it does not fit.
minidump::Location location_at(ByteView record, uint64_t offset);

// UTF-16LE as UTF-8; a lone surrogate becomes U+FFFD. Ends at a NUL.
std::string utf8_of_utf16(ByteView bytes);

}  // namespace inquest::process
