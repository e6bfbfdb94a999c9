// CoreBuilder: ELF cores for tests, made in memory, with the notes and segments that a test wants
// and no others.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace inquest::testing {

class CoreBuilder {
 public:
  static constexpr uint16_t kX86_64 = 62, kAArch64 = 183;

  explicit CoreBuilder(uint16_t machine = kX86_64) : machine_(machine) {}

  struct ThreadSpec {
    int32_t tid = 100;
    uint64_t pc = 0, sp = 0, fp = 0;
    int16_t current_signal = 0;
    std::map<size_t, uint64_t> registers;  // by position in pr_reg; over what pc, sp and fp say
  };
  void add_thread(const ThreadSpec& thread);
  // Belongs to the thread added last.
  void add_siginfo(int32_t number, int32_t code, uint64_t address_or_pid = 0,
                   uint32_t second_word = 0);
  void add_process(int32_t pid, const std::string& command, const std::string& arguments = "",
                   uint32_t uid = 1000);
  void add_auxv(const std::vector<std::pair<uint64_t, uint64_t>>& entries);
  void add_file(uint64_t start, uint64_t end, uint64_t file_offset, const std::string& path);
  void add_note(const std::string& name, uint32_t type, ByteView description);

  // A PT_LOAD. `contents` are the dumped bytes, from `start` on; `flags`: PF_X 1, PF_W 2, PF_R 4.
  void add_memory(uint64_t start, uint64_t size, uint32_t flags, Bytes contents = {});
  // A program header with these very numbers.
  void add_raw_load(uint64_t start, uint64_t size, uint64_t offset, uint64_t file_size,
                    uint32_t flags = 6);

  void omit_files() { omit_files_ = true; }  // no NT_FILE note at all
  Bytes build() const;

 private:
  struct Load {
    uint64_t start = 0, size = 0;
    uint32_t flags = 0;
    Bytes contents;
    std::optional<std::pair<uint64_t, uint64_t>> raw;  // offset, file size
  };
  struct File {
    uint64_t start = 0, end = 0, page_offset = 0;
    std::string path;
  };

  Bytes file_note() const;

  uint16_t machine_;
  bool omit_files_ = false;
  Bytes notes_;
  std::vector<Load> loads_;
  std::vector<File> files_;
};

}  // namespace inquest::testing
