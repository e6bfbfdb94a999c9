// MinidumpBuilder: minidumps for tests, made in memory, with the streams that a test wants and no
// others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace inquest::testing {

class MinidumpBuilder {
 public:
  static constexpr uint16_t kX86 = 0, kArm = 5, kAmd64 = 9, kArm64 = 12, kArm64Old = 0x8003;
  static constexpr uint32_t kWindows = 2, kMac = 0x8101, kLinux = 0x8201, kAndroid = 0x8203;

  // With a SystemInfo stream of this processor and system.
  explicit MinidumpBuilder(uint16_t processor = kAmd64, uint32_t system = kLinux,
                           const std::string& version = "Linux 6.1.0 #1 SMP x86_64");

  // Each answers where the bytes stand in the file. Strings have their length in front.
  uint32_t add_bytes(const Bytes& bytes);
  uint32_t add_utf16(const std::string& ascii);
  uint32_t add_utf8(const std::string& text);

  void add_stream(uint32_t type, const Bytes& contents);
  void add_text_stream(uint32_t type, const std::string& text);

  // Registers by their place in the context: 0 is rax or x0, then as the structure has them.
  struct ThreadSpec {
    uint32_t tid = 100;
    uint64_t pc = 0, sp = 0, fp = 0;
    std::map<size_t, uint64_t> registers;
    uint64_t stack_start = 0;
    Bytes stack;
    uint64_t thread_block = 0;
    bool without_context = false;
  };
  void add_thread(const ThreadSpec& thread);
  void add_thread_name(uint32_t tid, const std::string& name);

  // `code_view` is the whole record; see below.
  void add_module(uint64_t base, uint32_t size, const std::string& path,
                  const Bytes& code_view = {});
  static Bytes build_id_record(const Bytes& build_id);
  static Bytes guid_record(const Bytes& guid);

  void add_memory(uint64_t start, const Bytes& contents);
  // A descriptor with these very numbers.
  void add_raw_memory(uint64_t start, uint32_t size, uint32_t rva);
  void add_memory64(uint64_t start, const Bytes& contents);

  // `at` gives the registers of the fault.
  void set_exception(uint32_t tid, uint32_t code, uint32_t flags, uint64_t address,
                     const ThreadSpec& at, const std::vector<uint64_t>& parameters = {});

  // Four bytes between the count and the entries of lists, as some writers have them.
  void align_lists() { align_lists_ = true; }

  Bytes context(const ThreadSpec& thread) const;
  Bytes build() const;

 private:
  struct Stream {
    uint32_t type = 0, size = 0, rva = 0;
  };
  Bytes list(const std::vector<Bytes>& entries) const;

  uint16_t processor_;
  bool align_lists_ = false;
  Bytes file_;
  std::vector<Stream> streams_;
  std::vector<Bytes> threads_, modules_, memory_, names_;
  std::vector<std::pair<uint64_t, Bytes>> memory64_;
};

}  // namespace inquest::testing
