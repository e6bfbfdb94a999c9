#include "capture/collect/pattern_setting.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "platform/json/value.h"
#include "platform/os/directories.h"
#include "platform/os/fd.h"
#include "platform/os/file.h"

namespace inquest::capture {
namespace {

constexpr uint64_t kMaxSetting = 4096;  // bytes

std::string pattern_file(const PatternPlaces& places) {
  return places.sysctl + "/kernel/core_pattern";
}
std::string memory_file(const PatternPlaces& places) {
  return places.state + "/core_pattern.before.json";
}

Result<std::string> read_setting(const std::string& path) {
  INQ_TRY(std::string text, os::read_text_file(path, kMaxSetting));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// A sysctl takes one write, whole.
Status write_setting(const std::string& path, const std::string& text) {
  const os::Fd fd(open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    return Error::io(
        fmt::format("{}: cannot be set{}", path,
                    errno == EACCES || errno == EROFS ? " (root of the host may)" : ""),
        errno);
  }
  const ssize_t written = write(fd.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size()))
    return Error::io(fmt::format("{}: the kernel does not take `{}`", path, text), errno);
  return {};
}

// Writes and reads back; puts `before` back when the kernel made something else of it.
Status write_verified(const std::string& path, const std::string& text, const std::string& before) {
  INQ_TRY_STATUS(write_setting(path, text));
  INQ_TRY(const std::string now, read_setting(path));
  if (now == text) return {};
  const Status back = write_setting(path, before);
  return Error(ErrorCode::kUnsupported,
               fmt::format("{}: the kernel made `{}` of `{}`; {}", path, now, text,
                           back.ok() ? "the old value was put back" : back.error().message()));
}

struct Remembered {
  std::string before, ours;
};

Result<Remembered> recall(const PatternPlaces& places) {
  INQ_TRY(const std::string text, os::read_text_file(memory_file(places), kMaxSetting));
  INQ_TRY(const json::JsonValue value, json::parse_json(text));
  const auto* before = value.find("before");
  const auto* ours = value.find("ours");
  if (before == nullptr || before->string() == nullptr || ours == nullptr ||
      ours->string() == nullptr)
    return Error(ErrorCode::kCorrupt, memory_file(places) + ": does not tell what was set before");
  return Remembered{*before->string(), *ours->string()};
}

Status remember(const PatternPlaces& places, const Remembered& what) {
  INQ_TRY_STATUS(os::make_directories(places.state));
  json::JsonWriter out;
  out.begin_object().field("before", what.before).field("ours", what.ours).end_object();
  const std::string text = std::move(out).take();
  return os::write_file_atomic(memory_file(places),
                               {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, 0600);
}

}  // namespace

Result<std::string> pipe_pattern(const std::string& program) {
  if (program.find_first_of(" %\n") != std::string::npos || !program.starts_with('/')) {
    return Error(ErrorCode::kInvalidArgument,
                 program + ": the kernel starts only programs with a plain absolute path");
  }
  // The last is of newer kernels: older ones leave it empty.
  std::string pattern = fmt::format("|{} collect --pipe %P %i %u %g %s %t %d %F", program);
  if (pattern.size() > kMaxPatternBytes) {
    return Error(ErrorCode::kTooLarge,
                 fmt::format("core_pattern would have {} bytes and the kernel keeps {}: link the "
                             "program to a shorter path",
                             pattern.size(), kMaxPatternBytes));
  }
  return pattern;
}

std::string socket_pattern(const std::string& path) { return "@@" + path; }

bool kernel_has_sockets(const PatternPlaces& places) {
  const auto modes = read_setting(places.sysctl + "/kernel/core_modes");
  return modes.ok() && modes->find("socket") != std::string::npos;
}

Result<PatternChange> set_pattern(const PatternPlaces& places, const std::string& pattern) {
  if (pattern.size() > kMaxPatternBytes)
    return Error(ErrorCode::kTooLarge, "core_pattern is longer than the kernel keeps: " + pattern);
  INQ_TRY(const std::string present, read_setting(pattern_file(places)));
  PatternChange change{.before = present, .now = pattern};
  if (present == pattern) {
    change.remark = "core_pattern was set already";
    return change;
  }
  // One of ours over another of ours: what to go back to stays what it was.
  const auto earlier = recall(places);
  const bool ours = earlier.ok() && earlier->ours == present;
  INQ_TRY_STATUS(remember(places, {ours ? earlier->before : present, pattern}));
  INQ_TRY_STATUS(write_verified(pattern_file(places), pattern, present));
  change.changed = true;
  return change;
}

Result<PatternChange> restore_pattern(const PatternPlaces& places) {
  INQ_TRY(const std::string present, read_setting(pattern_file(places)));
  const auto remembered = recall(places);
  if (!remembered.ok()) {
    if (remembered.error().code() == ErrorCode::kNotFound)
      return Error(ErrorCode::kNotFound,
                   "nothing to put back: inquest has not set core_pattern here");
    return remembered.error();
  }
  PatternChange change{.before = present, .now = present};
  if (present == remembered->ours) {
    INQ_TRY_STATUS(write_verified(pattern_file(places), remembered->before, present));
    change.now = remembered->before;
    change.changed = true;
  } else {
    change.remark = fmt::format(
        "core_pattern was changed by somebody else since (`{}`): it was left as it is", present);
  }
  if (unlink(memory_file(places).c_str()) != 0)
    return Error::io(memory_file(places) + ": cannot be removed", errno);
  return change;
}

}  // namespace inquest::capture
