#include "capture/record/capture.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "binary/elf/file.h"
#include "capture/record/core_writer.h"

namespace inquest::capture {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kMaxAnnotationBytes = 64 << 10;

class Stopwatch {
 public:
  explicit Stopwatch(Captured& captured) : captured_(captured), last_(Clock::now()) {}
  void lap(const char* name) {
    const auto now = Clock::now();
    captured_.timings_us.emplace_back(
        name, std::chrono::duration_cast<std::chrono::microseconds>(now - last_).count());
    last_ = now;
  }

 private:
  Captured& captured_;
  Clock::time_point last_;
};

// The file that is at the mapping's path now is the one that was mapped.
bool is_intact(const Proc& process, const LiveMapping& mapping) {
  if (mapping.is_deleted()) return false;
  struct stat info = {};
  const std::string path = fmt::format("/proc/{}/root{}", process.pid(), mapping.path);
  return ::stat(path.c_str(), &info) == 0 && info.st_ino == mapping.inode;
}

void read_handler_context(const RemoteMemory& memory, const HandlerContext& handler,
                          Captured& captured) {
  Bytes ucontext(signal_context_size()), siginfo(128);
  ucontext.resize(memory.read(handler.ucontext, ucontext));
  siginfo.resize(memory.read(handler.siginfo, siginfo));
  if (!use_signal_context(captured.threads.front(), ucontext, siginfo)) {
    captured.left_out.push_back({"the registers at the fault",
                                 "the handler's context could not be read: those shown are of the "
                                 "handler itself"});
  }
  Bytes state(kMaxVectorState);
  state.resize(memory.read(vector_state_address(ucontext), state));
  if (!use_vector_state(captured.threads.front(), std::move(state))) {
    captured.left_out.push_back({"the vector registers of the crashing thread",
                                 "the kernel did not save them where they are looked for"});
  }
  Bytes text(std::min(handler.annotations_size, kMaxAnnotationBytes));
  text.resize(handler.annotations.is_null() ? 0 : memory.read(handler.annotations, text));
  captured.annotations = parse_annotations(text);
}

void note_threads(bool some_left_out, Captured& captured) {
  for (const ThreadState& thread : captured.threads) {
    if (thread.stopped || thread.why_not == "it ended meanwhile") continue;
    captured.left_out.push_back(
        {fmt::format("the registers and stack of thread {}", thread.tid), thread.why_not});
  }
  if (some_left_out) {
    captured.left_out.push_back({"some threads", "new ones kept appearing"});
  }
}

std::string json_of(const Captured& captured) {
  Told told{.circumstances = captured.circumstances,
            .threads = captured.threads,
            .fidelity = captured.fidelity,
            .left_out = captured.left_out,
            .signal = captured.signal,
            .how = captured.how,
            .last_words = captured.last_words,
            .annotations = captured.annotations,
            .timings_us = captured.timings_us,
            .builds = {},
            .captured_at = captured.captured_at};
  for (const LiveMapping& mapping : captured.mappings) {
    if (!mapping.is_file() || mapping.file_offset != 0) continue;
    const ByteView header = captured.pages.page(mapping.range.start);
    if (header.empty()) continue;
    const auto file = elf::File::parse_image(header, mapping.range.start.value);
    const auto id = file.ok() ? file->build_id() : std::nullopt;
    if (id && !id->empty()) told.builds.emplace_back(mapping.path, id->hex());
  }
  return circumstances_json(told);
}

void gather(const Proc& process, const RemoteMemory& memory, const CaptureOptions& options,
            Captured& captured) {
  Gatherer gatherer(memory, captured.mappings, captured.circumstances.filter, options.gather,
                    captured.pages);
  gatherer.take_stacks(captured.threads);
  gatherer.take_modules();
  gatherer.take_pointed_pages(captured.threads);
  gatherer.take_code(captured.threads,
                     [&](const LiveMapping& mapping) { return is_intact(process, mapping); });
  gatherer.take_link_map(parse_auxv(captured.circumstances.auxv));
  captured.left_out.insert(captured.left_out.end(), gatherer.left_out().begin(),
                           gatherer.left_out().end());
}

}  // namespace

std::string now_text() {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts = {};
  ::gmtime_r(&now.tv_sec, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     now.tv_nsec / 1'000'000);
}

std::vector<std::pair<std::string, std::string>> parse_annotations(ByteView text) {
  constexpr size_t kMost = 1024;
  std::vector<std::pair<std::string, std::string>> result;
  while (!text.empty() && result.size() < kMost) {
    const std::string_view entry = c_string(text);
    const size_t equals = entry.find('=');
    if (equals != std::string_view::npos && equals != 0) {
      result.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    }
    text = text.subspan(std::min(entry.size() + 1, text.size()));
  }
  return result;
}

Result<Captured> capture(const Proc& process, Held held, int signal,
                         const std::optional<HandlerContext>& handler,
                         const CaptureOptions& options) {
  Captured captured;
  Stopwatch watch(captured);
  captured.pid = process.pid();
  captured.signal = signal;
  captured.how = std::move(held.how);
  captured.captured_at = now_text();
  captured.threads = std::move(held.threads);
  note_threads(held.some_left_out, captured);
  INQ_TRY(captured.circumstances, read_essentials(process));
  captured.mappings = parse_maps(captured.circumstances.maps);
  const RemoteMemory memory(process);
  if (handler) read_handler_context(memory, *handler, captured);
  watch.lap("essentials");
  gather(process, memory, options, captured);
  watch.lap("memory");
  read_the_rest(process, captured.circumstances);
  watch.lap("circumstances");
  // SIGKILL does not wait until we are done. Its memory goes before its end is told.
  const bool is_killed = captured.mappings.empty() || !process.is_alive();
  if (captured.threads.front().registers.empty()) {
    return Error(ErrorCode::kUnavailable,
                 is_killed ? "it was killed before its registers could be read"
                           : "the registers of the thread that crashed could not be read");
  }
  if (is_killed) {
    captured.left_out.push_back({"what had not been read by then", "it was killed meanwhile"});
  }
  return captured;
}

Bytes notes_of(const Captured& captured) {
  return core_notes(captured.circumstances, captured.threads, captured.signal, captured.mappings,
                    json_of(captured));
}

Bytes record_of(const Captured& captured) {
  return core_of(notes_of(captured), captured.pages, captured.mappings);
}

}  // namespace inquest::capture
