// ProcessImage: one stopped process, whoever wrote it down. Core, record, minidump and live pid all
// become this.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/build_id.h"
#include "binary/isa/registers.h"
#include "process/image/memory.h"

namespace inquest::process {

enum class Producer : uint8_t {
  kKernel,
  kGcore,
  kQemuUser,
  kKernelLog,
  kInquest,
  kBreakpad,
  kCrashpad,
  kMinidump,  // of some other writer
  kUnknown
};
std::string_view to_string(Producer producer);

// What people call the evidence: "core", "record", "minidump", "log".
std::string_view evidence_word(Producer producer);

// siginfo_t, as far as it was recorded.
struct Signal {
  int number = 0;
  std::optional<int> code;   // si_code; nullopt when no siginfo was recorded
  std::optional<int> error;  // si_errno
  std::optional<Address>
      address;  // si_addr: SEGV, BUS, ILL, FPE, TRAP only, and only when the kernel set it
  std::optional<int32_t> sender_pid;  // si_pid: SI_USER, SI_TKILL, SI_QUEUE only
  std::optional<uint32_t> sender_uid;
  std::optional<int> system_call;  // SIGSYS: si_syscall
};

struct Thread {
  int32_t tid = 0;
  std::string name;  // empty when not recorded
  isa::RegisterFile registers;
  Bytes vector_state;            // NT_X86_XSTATE or NT_FPREGSET bytes as recorded, may be empty
  std::optional<Signal> signal;  // siginfo of this thread
};

struct Protection {
  bool read = false;
  bool write = false;
  bool execute = false;
};

struct Mapping {
  AddressRange range;
  std::optional<Protection> protection;  // nullopt when the producer did not say
  std::string path;          // file behind it, "[vdso]", "[stack]", or empty for anonymous memory
  uint64_t file_offset = 0;  // bytes, of range.start in `path`
  uint64_t dumped = 0;  // bytes from range.start on that the producer wrote (before any truncation)
  bool truncated = false;  // the dump ends before its bytes do
};

// A binary as the producer itself listed it. Minidumps have such a list, cores have none.
struct ListedModule {
  std::string path;
  AddressRange range;
  // The build-id, or its first 16 bytes, or, of a binary without one, 16 bytes that Breakpad made
  // of its code. Empty: the producer knew none.
  BuildId identity;
};

// What the program had told its crash reporter, for people.
struct Annotation {
  std::string name, value;
};

// Something that is missing or odd, said once, for people. Analysis goes on with less.
struct Note {
  std::string text;
  std::string advice;  // what to do about it; may be empty
};

struct ProcessImage {
  isa::Arch arch = isa::Arch::kX86_64;
  Producer producer = Producer::kUnknown;
  std::string source;  // the file this was read from
  // The evidence tells only the last parts of paths: they are no places to look for files at.
  bool names_only = false;
  int32_t pid = 0;
  std::optional<uint32_t> uid, gid;
  std::string command;     // pr_fname: up to 15 bytes
  std::string arguments;   // pr_psargs: up to 79 bytes
  std::string executable;  // path of the main program as mapped; empty when unknown

  std::vector<Thread> threads;  // in the order of the dump
  size_t crashed_thread = 0;    // index into `threads`
  Signal signal;  // the one that ended the process; number 0 when none (gcore of a live process)

  std::vector<Mapping> mappings;  // sorted by start, not overlapping
  // False: the producer told only some of the mappings, and of other addresses nothing is known.
  bool tells_all_mappings = true;
  std::vector<ListedModule> modules;  // sorted by start; empty when the producer has no such list
  std::map<uint64_t, uint64_t> auxv;  // AT_* → value
  std::unique_ptr<MemoryReader> memory;  // what the dump itself holds
  std::vector<Note> notes;
  std::string system;  // kernel and distribution, as recorded; may be empty
  std::vector<Annotation> annotations;
  // What a record tells of the death beside the memory: command line, unit, uptime, last lines of
  // stderr; for people.
  std::vector<Annotation> circumstances;
  std::string fidelity;  // of a record: "full", "snapshot", "slim" …; empty: not told

  // The mapping that holds `address`, or nullptr.
  const Mapping* mapping_at(Address address) const;
};

}  // namespace inquest::process
