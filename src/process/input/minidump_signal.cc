// Breakpad and Crashpad both put the signal's number into ExceptionCode and si_code into
// ExceptionFlags (minidump_exception_linux.h, exception_snapshot_linux.cc), and differ in the rest:
//
// - Breakpad writes si_addr as the address whatever the signal: of one that was sent, that is the
//   sender (si_pid, si_uid lie in the same bytes of siginfo_t). Until 2018 it left si_code out: 0.
// - Crashpad has an address for faults only, and sender or system call among the parameters.
#include "process/input/minidump_signal.h"

namespace inquest::process {
namespace {

constexpr uint64_t kThreadAt = 0, kCodeAt = 8, kFlagsAt = 12, kAddressAt = 24, kCountAt = 32,
                   kParametersAt = 40, kMaxParameters = 15;
constexpr int kSigIll = 4, kSigTrap = 5, kSigBus = 7, kSigFpe = 8, kSigSegv = 11, kSigSys = 31;
constexpr int kSiUser = 0, kSiQueue = -1, kSiTkill = -6, kSiKernel = 0x80;
// MD_EXCEPTION_CODE_LIN_DUMP_REQUESTED, and Crashpad's simulated signal.
constexpr uint32_t kRequested = 0xffffffff;
constexpr uint32_t kMaxSignal = 64;

bool is_fault(int number) {
  return number == kSigSegv || number == kSigBus || number == kSigIll || number == kSigFpe ||
         number == kSigTrap;
}

bool is_sent(int code) { return code == kSiUser || code == kSiQueue || code == kSiTkill; }

void set_sender(Signal& signal, uint64_t pid_and_uid) {
  signal.sender_pid = static_cast<int32_t>(pid_and_uid & 0xffffffff);
  signal.sender_uid = static_cast<uint32_t>(pid_and_uid >> 32);
}

struct Record {
  uint64_t address = 0;
  std::span<const uint64_t> parameters;
};

void read_crashpad(const Record& record, Signal& signal) {
  const int code = *signal.code;
  if (signal.number == kSigSys) {
    if (code > 0 && !record.parameters.empty()) {
      signal.system_call = static_cast<int>(record.parameters[0]);
    }
  } else if (is_fault(signal.number)) {
    if (is_sent(code)) set_sender(signal, record.address);
    if (code > 0 && code != kSiKernel) signal.address = Address(record.address);
  } else if (is_sent(code) && record.parameters.size() >= 2) {
    set_sender(signal, (record.parameters[1] << 32) | (record.parameters[0] & 0xffffffff));
  }
}

void read_breakpad(const Record& record, std::optional<uint32_t> uid, uint32_t pid,
                   Signal& signal) {
  const bool may_be_unsaid = *signal.code == 0;
  const bool is_own = pid != 0 && record.address == (uint64_t{uid.value_or(0)} << 32 | pid);
  const bool names_sender = uid && ((*uid != 0 && record.address >> 32 == *uid) || is_own);
  if (signal.number == kSigSys) {
    if (may_be_unsaid) signal.code.reset();
    return;
  }
  if (is_fault(signal.number) && may_be_unsaid && !names_sender) {
    signal.code.reset();
    signal.address = Address(record.address);
    return;
  }
  if (is_fault(signal.number) && !is_sent(*signal.code)) {
    if (*signal.code > 0 && *signal.code != kSiKernel) signal.address = Address(record.address);
    return;
  }
  if (!is_sent(*signal.code)) return;
  set_sender(signal, record.address);
  // Neither kill() nor a writer from before 2018 can be told by a code of 0; the sender is there
  // either way.
  if (may_be_unsaid && !is_fault(signal.number)) signal.code.reset();
}

}  // namespace

std::optional<MinidumpException> read_minidump_exception(ByteView bytes, Producer producer,
                                                         std::optional<uint32_t> uid, int32_t pid) {
  const auto thread = load<uint32_t>(bytes, kThreadAt);
  const auto number = load<uint32_t>(bytes, kCodeAt);
  const auto flags = load<int32_t>(bytes, kFlagsAt);
  const auto address = load<uint64_t>(bytes, kAddressAt);
  const auto count = load<uint32_t>(bytes, kCountAt);
  if (!thread || !number || !flags || !address || !count) return std::nullopt;
  MinidumpException exception{.thread_id = *thread, .signal = {}, .context = {}};
  if (*number == kRequested || *number == 0 || *number > kMaxSignal) return exception;
  uint64_t parameters[kMaxParameters] = {};
  size_t have = 0;
  while (have < std::min<uint64_t>(*count, kMaxParameters)) {
    const auto value = load<uint64_t>(bytes, kParametersAt + have * 8);
    if (!value) break;
    parameters[have++] = *value;
  }
  exception.signal.number = static_cast<int>(*number);
  exception.signal.code = *flags;
  const Record record{.address = *address, .parameters = {parameters, have}};
  if (producer == Producer::kCrashpad) {
    read_crashpad(record, exception.signal);
  } else {
    read_breakpad(record, uid, static_cast<uint32_t>(pid), exception.signal);
  }
  return exception;
}

}  // namespace inquest::process
