#include "process/symbols/crashed_program.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "process/unwind/unwind.h"

namespace inquest::process {
namespace {

constexpr uint64_t kMaxSnapshot = 64 << 20;  // bytes of one mapping

// Copies of the mappings of a stopped process.
class Snapshot final : public MemoryReader {
 public:
  struct Part {
    AddressRange range;
    Bytes bytes;
  };
  void add(Part part) { parts_.push_back(std::move(part)); }

  ByteView view(Address address, uint64_t max) const override {
    for (const Part& part : parts_) {
      if (!part.range.contains(address)) continue;
      const uint64_t offset = address - part.range.start;
      if (offset >= part.bytes.size()) return {};
      return ByteView(part.bytes)
          .subspan(offset, std::min<uint64_t>(max, part.bytes.size() - offset));
    }
    return {};
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }

 private:
  std::vector<Part> parts_;
};

bool read_all(int fd, uint64_t at, Bytes& into) {
  return pread(fd, into.data(), into.size(), static_cast<off_t>(at)) ==
         static_cast<ssize_t>(into.size());
}

void read_mappings(pid_t pid, ProcessImage& image) {
  auto memory = std::make_unique<Snapshot>();
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  const int fd = open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    uint64_t start = 0, end = 0, offset = 0;
    std::string dash, protection, device, inode, path;
    words >> std::hex >> start;
    words.get();
    words >> end >> protection >> offset >> device >> inode;
    std::getline(words >> std::ws, path);
    Mapping mapping;
    mapping.range = {Address(start), Address(end)};
    mapping.protection =
        Protection{protection[0] == 'r', protection[1] == 'w', protection[2] == 'x'};
    mapping.path = path;
    mapping.file_offset = offset;
    Bytes bytes(std::min(end - start, kMaxSnapshot));
    if (protection[0] == 'r' && read_all(fd, start, bytes)) {
      mapping.dumped = bytes.size();
      memory->add({mapping.range, std::move(bytes)});
    }
    image.mappings.push_back(std::move(mapping));
  }
  close(fd);
  image.memory = std::move(memory);
}

void read_registers(pid_t pid, Thread& thread) {
  user_regs_struct raw{};
  ptrace(PTRACE_GETREGS, pid, nullptr, &raw);
  using namespace isa::x86;
  auto& to = thread.registers;
  to.set(kRax, raw.rax), to.set(kRdx, raw.rdx), to.set(kRcx, raw.rcx), to.set(kRbx, raw.rbx);
  to.set(kRsi, raw.rsi), to.set(kRdi, raw.rdi), to.set(kRbp, raw.rbp), to.set(kRsp, raw.rsp);
  to.set(kR8, raw.r8), to.set(kR9, raw.r9), to.set(kR10, raw.r10), to.set(kR11, raw.r11);
  to.set(kR12, raw.r12), to.set(kR13, raw.r13), to.set(kR14, raw.r14), to.set(kR15, raw.r15);
  to.set(kRip, raw.rip), to.set(kFsBase, raw.fs_base), to.set(kGsBase, raw.gs_base);
  thread.vector_state.resize(8192);
  iovec into{thread.vector_state.data(), thread.vector_state.size()};
  ptrace(PTRACE_GETREGSET, pid, reinterpret_cast<void*>(NT_X86_XSTATE), &into);
  thread.vector_state.resize(into.iov_len);
}

bool is_fatal(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE ||
         signal == SIGABRT || signal == SIGTRAP;
}

// Runs `program` until it is about to die; its pid, stopped, or −1.
pid_t run_until_fatal(const std::string& program) {
  const pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(127);
    execl(program.c_str(), program.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  bool started = false;  // the first stop is that of exec
  while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    const int signal = WSTOPSIG(status);
    if (started && is_fatal(signal)) return pid;
    const int deliver = started ? signal : 0;
    started = true;
    ptrace(PTRACE_CONT, pid, nullptr, deliver);
  }
  return -1;
}

std::string shell_word(const std::string& text) { return "'" + text + "'"; }

}  // namespace

bool has_compiler(const std::string& compiler) {
  return std::system(("command -v " + compiler + " >/dev/null 2>&1").c_str()) == 0;
}

std::unique_ptr<CrashedProgram> CrashedProgram::run(const std::string& source,
                                                    const BuildSpec& build, std::string* why) {
  std::unique_ptr<CrashedProgram> out(new CrashedProgram);
  char pattern[] = "/tmp/inquest-program-XXXXXX";
  out->directory_ = mkdtemp(pattern);
  const std::string file = out->directory_ + "/program" + build.suffix;
  const std::string program = out->directory_ + "/program";
  std::ofstream(file) << source;
  const std::string command = build.compiler + " " + build.flags + " " + shell_word(file) + " -o " +
                              shell_word(program) + " >" + shell_word(out->directory_ + "/log") +
                              " 2>&1";
  if (std::system(command.c_str()) != 0) {
    std::ifstream log(out->directory_ + "/log");
    *why = command + "\n" + std::string(std::istreambuf_iterator<char>(log), {});
    return nullptr;
  }
  const pid_t pid = run_until_fatal(program);
  if (pid < 0) {
    *why = "the program did not die of a signal";
    return nullptr;
  }
  ProcessImage& image = out->image_;
  image.pid = pid;
  image.executable = program;
  image.threads.emplace_back().tid = pid;
  read_registers(pid, image.threads[0]);
  read_mappings(pid, image);
  kill(pid, SIGKILL);
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  waitpid(pid, nullptr, 0);
  out->modules_.emplace(ModuleSet::resolve(image, ModuleOptions{}));
  Unwinder unwinder(image, *out->modules_);
  out->stack_ = unwinder.walk(image.threads[0]);
  out->reader_.emplace(image, *out->modules_);
  return out;
}

CrashedProgram::~CrashedProgram() {
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

size_t CrashedProgram::program_frame() const {
  for (size_t i = 0; i < stack_.frames.size(); ++i) {
    const Module* module = modules_->find(stack_.frames[i].lookup_pc());
    if (module != nullptr && module->path == image_.executable) return i;
  }
  return 0;
}

Variable CrashedProgram::variable(const std::string& name, const ValueOptions& options) {
  for (size_t i = program_frame(); i < stack_.frames.size(); ++i) {
    for (auto& one : reader_->variables(stack_, i, options))
      if (one.name == name) return one;
  }
  Variable none;
  none.value.text = "?";
  return none;
}

std::string CrashedProgram::value(const std::string& name, const ValueOptions& options) {
  const Variable found = variable(name, options);
  switch (found.value.state) {
    case ValueState::kOptimizedOut:
      return "optimized out";
    case ValueState::kNotInCore:
      return "not in the core: " + found.value.why;
    case ValueState::kUnknown:
      return found.value.text == "?" ? "?" : "unknown: " + found.value.why;
    case ValueState::kPresent:
      break;
  }
  return found.value.text;
}

TEST(CrashedProgram, StopsAtItsFault) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  std::string why;
  const auto program = CrashedProgram::run("int main(void) { *(volatile int*)24 = 1; return 0; }",
                                           {"gcc-12", "-O0 -g", ".c"}, &why);
  ASSERT_NE(program, nullptr) << why;
  ASSERT_FALSE(program->stack().frames.empty());
  EXPECT_EQ(program->program_frame(), 0u);
}

}  // namespace inquest::process
