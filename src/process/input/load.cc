#include "process/input/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "platform/codec/codec.h"
#include "platform/os/fd.h"
#include "platform/os/file.h"
#include "platform/os/mapped_file.h"
#include "process/input/minidump_file.h"
#include "process/input/minidump_import.h"
#include "process/input/reject.h"

namespace inquest::process {
namespace {

constexpr size_t kSniffed = 512;
constexpr size_t kCopyBuffer = 256 << 10;
constexpr size_t kPage = 4096;

// The memory of a core, together with the mapping that holds it.
class OwningMemory final : public MemoryReader {
 public:
  OwningMemory(os::MappedFile file, std::unique_ptr<MemoryReader> memory)
      : file_(std::move(file)), memory_(std::move(memory)) {}

  ByteView view(Address address, uint64_t max) const override {
    return memory_->view(address, max);
  }
  Missing why_missing(Address address) const override { return memory_->why_missing(address); }
  void will_scan(ByteView bytes) const override {
    if (const auto offset = offset_of(bytes)) file_.prefetch(*offset, bytes.size());
  }
  void done_with(ByteView bytes) const override {
    if (const auto offset = offset_of(bytes)) file_.release(*offset, bytes.size());
  }

 private:
  std::optional<uint64_t> offset_of(ByteView bytes) const {
    const ByteView all = file_.bytes();
    const bool inside = !bytes.empty() && bytes.data() >= all.data() &&
                        bytes.data() + bytes.size() <= all.data() + all.size();
    return inside ? std::optional<uint64_t>(bytes.data() - all.data()) : std::nullopt;
  }

  os::MappedFile file_;
  std::unique_ptr<MemoryReader> memory_;
};

// "71" or "/proc/71": a process that runs, which has no core yet.
std::string running_process(std::string_view path) {
  if (path.starts_with("/proc/")) path.remove_prefix(6);
  while (path.ends_with('/')) path.remove_suffix(1);
  const bool is_number = !path.empty() && path.size() < 10 &&
                         path.find_first_not_of("0123456789") == std::string_view::npos;
  const std::string pid(path);
  return is_number && os::is_directory("/proc/" + pid) ? pid : "";
}

Error explain_open_failure(const std::string& path, Error error) {
  if (const std::string pid = running_process(path); !pid.empty()) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("{}: a running process; take a core of it first: gcore -o core {}, then "
                        "inquest explain core.{}",
                        path, pid, pid)};
  }
  if (os::is_directory(path)) {
    return {ErrorCode::kInvalidArgument, fmt::format("{}: a directory; pass the core in it", path)};
  }
  if (error.sys_errno() == EACCES || error.sys_errno() == EPERM) {
    return Error(Error::io(path, error.sys_errno()))
        .with_context(
            "the kernel makes cores readable by their owner only (root for setuid programs): run "
            "as "
            "that user, or change the file's mode");
  }
  return error;
}

std::string describe(codec::Ending ending) {
  switch (ending) {
    case codec::Ending::kComplete:
      return "";
    case codec::Ending::kTruncated:
      return "the compressed file is cut short";
    case codec::Ending::kCorrupt:
      return "the compressed file is damaged";
    case codec::Ending::kLimit:
      return "the unpacked core is over the size limit";
  }
  return "";
}

// Copies what is left of `fd`, leaving out pages of zeros.
Status copy_sparse(int fd, Bytes head, int output, uint64_t max_size, uint64_t max_stored) {
  uint64_t offset = 0, stored = 0;
  Bytes buffer = std::move(head);
  while (!buffer.empty()) {
    for (size_t at = 0; at < buffer.size(); at += kPage) {
      const ByteView page = ByteView(buffer).subspan(at, std::min(kPage, buffer.size() - at));
      if (std::all_of(page.begin(), page.end(), [](uint8_t byte) { return byte == 0; })) continue;
      stored += page.size();
      if (stored > max_stored) return Error(ErrorCode::kTooLarge, "the input is too large");
      if (::lseek(output, static_cast<off_t>(offset + at), SEEK_SET) < 0) {
        return Error::io("cannot write the temporary copy", errno);
      }
      INQ_TRY_STATUS(os::write_all(output, page));
    }
    offset += buffer.size();
    if (offset > max_size) return Error(ErrorCode::kTooLarge, "the input is too large");
    buffer.resize(kCopyBuffer);
    INQ_TRY(const size_t got, os::read_some(fd, buffer));
    buffer.resize(got);
  }
  if (::ftruncate(output, static_cast<off_t>(offset)) != 0) {
    return Error::io("cannot size the temporary copy", errno);
  }
  return {};
}

Result<Input> map_unpacked(const os::Fd& output, const std::string& name, codec::Codec codec,
                           const codec::StreamResult& result) {
  Input unpacked;
  if (result.ending != codec::Ending::kComplete) {
    const std::string what = describe(result.ending);
    if (result.size == 0) {
      return Error(ErrorCode::kTruncated, fmt::format("{}: {} ({})", name, what, result.note));
    }
    unpacked.note =
        Note{fmt::format("{}: {} bytes could be unpacked from {}{}{}", what, result.size,
                         codec::to_string(codec), result.note.empty() ? "" : ": ", result.note),
             "copy or fetch the file again; what was unpacked is used"};
  }
  INQ_TRY(unpacked.file, os::MappedFile::from_fd(output, name));
  return unpacked;
}

codec::FileLimits limits_of(const LoadOptions& options) {
  return {options.max_unpacked_size, options.max_unpacked_stored};
}

// A pipe, or any other input that cannot be mapped.
Result<Input> drain(int fd, const std::string& name, const LoadOptions& options) {
  Bytes head(kSniffed);
  INQ_TRY(const size_t got, os::read_some(fd, head));
  head.resize(got);
  INQ_TRY(const os::Fd output, os::anonymous_file());
  if (const auto codec = codec::sniff(head)) {
    INQ_TRY(const codec::StreamResult result,
            codec::decompress_to_file(*codec, fd, head, output.get(), limits_of(options)));
    return map_unpacked(output, name, *codec, result);
  }
  if (auto error = reject_input(head, got); error && !is_text(head)) {
    return std::move(*error).with_context(name);
  }
  INQ_TRY_STATUS(copy_sparse(fd, std::move(head), output.get(), options.max_unpacked_size,
                             options.max_unpacked_stored));
  Input unpacked;
  INQ_TRY(unpacked.file, os::MappedFile::from_fd(output, name));
  return unpacked;
}

Result<Input> unpack(os::MappedFile file, const LoadOptions& options) {
  const ByteView bytes = file.bytes();
  const auto codec = codec::sniff(bytes.first(std::min<size_t>(bytes.size(), kSniffed)));
  if (!codec) return Input{std::move(file), std::nullopt};
  INQ_TRY(const os::Fd output, os::anonymous_file());
  INQ_TRY(const codec::StreamResult result,
          codec::decompress_to_file(*codec, bytes, output.get(), limits_of(options)));
  return map_unpacked(output, file.path(), *codec, result);
}

}  // namespace

Result<Input> open_input(const std::string& path, const LoadOptions& options) {
  if (path == "-") {
    struct stat info = {};
    if (::fstat(STDIN_FILENO, &info) != 0) return Error::io("standard input", errno);
    if (::isatty(STDIN_FILENO) != 0) {
      return Error(ErrorCode::kInvalidArgument,
                   "standard input is a terminal: pipe a core, a minidump or a log into it");
    }
    if (!S_ISREG(info.st_mode)) return drain(STDIN_FILENO, "standard input", options);
    os::Fd copy(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    INQ_TRY(os::MappedFile file, os::MappedFile::from_fd(copy, "standard input"));
    return unpack(std::move(file), options);
  }
  struct stat info = {};
  if (::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode)) {  // <(zstdcat …)
    const os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return Error::io(path, errno);
    return drain(fd.get(), path, options);
  }
  auto file = os::MappedFile::open(path);
  if (!file.ok()) return explain_open_failure(path, std::move(file).error());
  return unpack(std::move(*file), options);
}

Result<ProcessImage> load(const std::string& path, const LoadOptions& options) {
  INQ_TRY(Input input, open_input(path, options));
  return load(std::move(input));
}

Result<ProcessImage> load(Input unpacked) {
  const ByteView bytes = unpacked.file.bytes();
  const bool is_minidump = MinidumpFile::is_minidump(bytes);
  INQ_TRY(ProcessImage image, is_minidump ? load_minidump(bytes, unpacked.file.path())
                                          : load_core(bytes, unpacked.file.path()));
  if (unpacked.note) {
    // The packed copy was cut, so the limits of the machine that dumped are not to blame.
    for (Note& note : image.notes) {
      const bool is_cut = note.text.starts_with("the core is cut short") ||
                          note.text.starts_with("the minidump is cut short");
      if (is_cut) note.advice.clear();
    }
    image.notes.insert(image.notes.begin(), std::move(*unpacked.note));
  }
  image.memory = std::make_unique<OwningMemory>(std::move(unpacked.file), std::move(image.memory));
  return image;
}

}  // namespace inquest::process
