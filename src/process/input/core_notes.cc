// Layouts: struct elf_prstatus, elf_prpsinfo and siginfo_t of 64-bit Linux (linux/elfcore.h,
// asm-generic/siginfo.h), NT_FILE as fs/binfmt_elf.c describes it, register order of asm/user_64.h
// and asm/ptrace.h.
#include "process/input/core_notes.h"

#include <algorithm>
#include <array>

#include "base/cursor.h"

namespace inquest::process {
namespace {

enum NoteType : uint32_t {
  kPrstatus = 1,
  kFpregset = 2,
  kPrpsinfo = 3,
  kAuxv = 6,
  kX86Xstate = 0x202,
  kArmTls = 0x401,
  kFile = 0x46494c45,
  kSiginfo = 0x53494749,
};

constexpr uint64_t kMaxAuxv = 256;
constexpr uint64_t kMaxVectorState = 16 << 10;  // AMX needs 11,008 bytes
constexpr uint64_t kMaxVectorStateTotal = 64u << 20;
constexpr uint64_t kRegistersAt = 112;  // pr_reg, on both architectures
constexpr int kSigIll = 4, kSigTrap = 5, kSigBus = 7, kSigFpe = 8, kSigSegv = 11, kSigSys = 31;
constexpr int kSiKernel = 0x80, kSiUser = 0, kSiQueue = -1, kSiTkill = -6;

namespace x86 = isa::x86;

// struct user_regs_struct. cs, ss and the data segments say nothing that is needed.
constexpr isa::RegisterId kIgnored = isa::kRegisterCount;
constexpr std::array<isa::RegisterId, 27> kX86Order = {
    x86::kR15,    x86::kR14,     x86::kR13, x86::kR12, x86::kRbp,    x86::kRbx, x86::kR11,
    x86::kR10,    x86::kR9,      x86::kR8,  x86::kRax, x86::kRcx,    x86::kRdx, x86::kRsi,
    x86::kRdi,    x86::kOrigRax, x86::kRip, kIgnored,  x86::kEflags, x86::kRsp, kIgnored,
    x86::kFsBase, x86::kGsBase,  kIgnored,  kIgnored,  kIgnored,     kIgnored};

isa::RegisterFile read_registers(ByteView bytes, isa::Arch arch) {
  isa::RegisterFile registers(arch);
  Cursor cursor(bytes);
  if (arch == isa::Arch::kX86_64) {
    for (const isa::RegisterId id : kX86Order) registers.set(id, cursor.u64());
  } else {
    for (isa::RegisterId id = isa::a64::kX0; id <= isa::a64::kPstate; ++id) {
      registers.set(id, cursor.u64());  // x0 … x30, sp, pc, pstate
    }
  }
  return registers;
}

// si_addr means something only when the kernel raised the signal for a fault. SI_KERNEL (general
// protection on x86: a non-canonical address, for one) comes with an address of 0 that is none.
Signal read_siginfo(ByteView bytes) {
  Signal signal;
  Cursor cursor(bytes);
  signal.number = cursor.i32();
  signal.error = cursor.i32();
  signal.code = cursor.i32();
  const int code = *signal.code;
  switch (signal.number) {
    case kSigIll:
    case kSigTrap:
    case kSigBus:
    case kSigFpe:
    case kSigSegv:
      if (code > 0 && code != kSiKernel) {
        if (const auto address = load<uint64_t>(bytes, 16)) signal.address = Address(*address);
      }
      break;
    case kSigSys:
      if (code > 0 && code != kSiKernel) {
        if (const auto call = load<int32_t>(bytes, 24)) signal.system_call = *call;
      }
      break;
    default:
      break;
  }
  if (code == kSiUser || code == kSiTkill || code == kSiQueue) {
    signal.sender_pid = load<int32_t>(bytes, 16);
    signal.sender_uid = load<uint32_t>(bytes, 20);
  }
  return signal;
}

class Reader {
 public:
  Reader(CoreNotes& notes, isa::Arch arch) : notes_(notes), arch_(arch) {}

  void read(const elf::Note& note) {
    const ByteView bytes = note.description;
    if (note.name == "LINUX") {
      if (note.type == kX86Xstate) keep_vector_state(bytes);
      if (note.type == kArmTls) read_arm_tls(bytes);
      return;
    }
    if (note.name == "INQUEST") {
      if (note.type == kRecordNoteMaps) notes_.record.maps = bytes;
      if (note.type == kRecordNoteJson) {
        notes_.record.json = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
      }
      return;
    }
    if (note.name != "CORE") return;
    switch (note.type) {
      case kPrstatus:
        return read_prstatus(bytes);
      case kPrpsinfo:
        return read_prpsinfo(bytes);
      case kAuxv:
        return read_auxv(bytes);
      case kFile:
        return read_files(bytes);
      case kSiginfo:
        if (bytes.size() < 24) return unreadable();
        notes_.has_siginfo = true;
        if (!notes_.threads.empty()) notes_.threads.back().thread.signal = read_siginfo(bytes);
        return;
      case kFpregset:
        notes_.has_float_registers = true;
        return keep_vector_state(bytes);
      default:
        return;
    }
  }

 private:
  void unreadable() { ++notes_.unreadable; }

  void read_prstatus(ByteView bytes) {
    const uint64_t size = arch_ == isa::Arch::kX86_64 ? 336 : 392;
    if (bytes.size() < size) return unreadable();
    CoreNotes::ThreadNotes entry;
    entry.current_signal = *load<int16_t>(bytes, 12);
    entry.thread.tid = *load<int32_t>(bytes, 32);
    entry.thread.registers = read_registers(bytes.subspan(kRegistersAt), arch_);
    notes_.threads.push_back(std::move(entry));
  }

  void read_prpsinfo(ByteView bytes) {
    if (bytes.size() < 136) return unreadable();
    notes_.uid = load<uint32_t>(bytes, 16);
    notes_.gid = load<uint32_t>(bytes, 20);
    notes_.pid = *load<int32_t>(bytes, 24);
    notes_.command = c_string(bytes.subspan(40, 16));
    notes_.arguments = c_string(bytes.subspan(56, 80));
    while (notes_.arguments.ends_with(' ')) notes_.arguments.pop_back();
  }

  void read_auxv(ByteView bytes) {
    Cursor cursor(bytes);
    for (uint64_t i = 0; i < kMaxAuxv; ++i) {
      const uint64_t type = cursor.u64();
      const uint64_t value = cursor.u64();
      if (!cursor.ok() || type == 0) return;
      notes_.auxv.emplace(type, value);
    }
  }

  void read_files(ByteView bytes) {
    notes_.has_files = true;
    Cursor cursor(bytes);
    const uint64_t count = cursor.u64();
    const uint64_t page_size = cursor.u64();
    if (!cursor.ok() || count > cursor.remaining() / 24) return unreadable();
    Cursor names(bytes);
    names.skip(16 + count * 24);
    for (uint64_t i = 0; i < count; ++i) {
      MappedRange entry;
      entry.range = {Address(cursor.u64()), Address(cursor.u64())};
      const auto offset = checked_multiply(cursor.u64(), page_size);
      entry.path = names.c_string();
      if (!names.ok()) return unreadable();
      if (!offset || entry.range.end <= entry.range.start) continue;
      entry.file_offset = *offset;
      notes_.files.push_back(std::move(entry));
    }
  }

  void read_arm_tls(ByteView bytes) {
    const auto value = load<uint64_t>(bytes);
    if (value && !notes_.threads.empty()) {
      notes_.threads.back().thread.registers.set(isa::a64::kTpidr, *value);
    }
  }

  // XSTATE comes after FPREGSET and says more, so it replaces it.
  void keep_vector_state(ByteView bytes) {
    if (notes_.threads.empty() || bytes.size() > kMaxVectorState) return;
    vector_state_total_ += bytes.size();
    if (vector_state_total_ > kMaxVectorStateTotal) return;
    notes_.threads.back().thread.vector_state.assign(bytes.begin(), bytes.end());
  }

  CoreNotes& notes_;
  isa::Arch arch_;
  uint64_t vector_state_total_ = 0;
};

}  // namespace

CoreNotes read_core_notes(const elf::File& core, isa::Arch arch) {
  CoreNotes notes;
  Reader reader(notes, arch);
  for (const elf::Segment& segment : core.segments()) {
    if (segment.type != 4 /* PT_NOTE */) continue;
    const ByteView file = core.bytes();
    if (segment.offset > file.size() || file.size() - segment.offset < segment.file_size) {
      notes.cut = true;
    }
    if (segment.offset >= file.size()) continue;
    const uint64_t size = std::min(segment.file_size, file.size() - segment.offset);
    const Status status = elf::for_each_note(file.subspan(segment.offset, size), segment.align,
                                             [&reader](const elf::Note& note) {
                                               reader.read(note);
                                               return true;
                                             });
    if (!status.ok()) notes.cut = true;
  }
  return notes;
}

}  // namespace inquest::process
