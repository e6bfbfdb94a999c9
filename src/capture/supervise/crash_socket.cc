#include "capture/supervise/crash_socket.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "capture/record/proc_text.h"
#include "platform/os/file.h"

namespace inquest::capture {
namespace {

constexpr int kBacklog = 4096;
constexpr size_t kMaxWaiting = 4096;
constexpr int kMostAncestors = 256;

// The thread that calls itself `tid` in its own pid namespace.
pid_t translate_thread(const Proc& process, pid_t tid) {
  constexpr size_t kMostThreads = 1 << 16;
  if (process.read(fmt::format("task/{}/comm", tid), 64).ok()) return tid;
  for (const pid_t here : process.numbers_in("task", kMostThreads, nullptr)) {
    const auto status = process.read(fmt::format("task/{}/status", here), 64 << 10);
    if (!status.ok()) continue;
    const size_t line = status->find("\nNSpid:");
    if (line == std::string::npos) continue;
    const std::string numbers = status->substr(line + 7, status->find('\n', line + 1) - line - 7);
    if (numbers.substr(numbers.find_last_of(" \t") + 1) == std::to_string(tid)) return here;
  }
  return 0;
}

bool is_understood(const inquest_crash_request& packet, ssize_t size) {
  return size >= INQUEST_REQUEST_LEAST_BYTES && packet.magic == INQUEST_WIRE_MAGIC &&
         packet.version == INQUEST_WIRE_VERSION && packet.signal_number >= 1 &&
         packet.signal_number <= 64;
}

std::vector<int> needed_descriptors(const inquest_crash_request& packet) {
  std::vector<int> result;
  if (packet.connection_fd < 0) return result;
  for (const int fd : {packet.connection_fd, packet.record_file_fd, packet.record_directory_fd}) {
    if (fd >= 0) result.push_back(fd);
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

bool descends_from(pid_t pid, pid_t ancestor) {
  for (int step = 0; step < kMostAncestors && pid > 0; ++step) {
    if (pid == ancestor) return true;
    const auto text = os::read_text_file(fmt::format("/proc/{}/status", pid), 64 << 10);
    if (!text.ok()) return false;
    pid = parse_status(*text).parent;
  }
  return false;
}

Result<std::unique_ptr<CrashSocket>> CrashSocket::create() {
  std::unique_ptr<CrashSocket> result(new CrashSocket);
  uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) return Error::io("getrandom", errno);
  const std::string name = fmt::format("inquest-{}-{:016x}", ::getpid(), random);
  result->address_ = "@" + name;
  result->listener_ = os::Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // the abstract namespace
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (!result->listener_.valid() ||
      ::bind(result->listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(result->listener_.get(), kBacklog) != 0) {
    return Error::io("the socket for dying processes", errno);
  }
  return result;
}

std::vector<int> CrashSocket::descriptors() const {
  std::vector<int> result = {listener_.get()};
  for (const os::Fd& fd : waiting_) result.push_back(fd.get());
  return result;
}

void CrashSocket::accept_all() {
  while (true) {
    os::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return;
    if (waiting_.size() < kMaxWaiting) waiting_.push_back(std::move(fd));
  }
}

std::optional<CrashRequest> CrashSocket::ready(int fd) {
  if (fd == listener_.get()) {
    accept_all();
    return std::nullopt;
  }
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const os::Fd& waiting) { return waiting.get() == fd; });
  if (found == waiting_.end()) return std::nullopt;
  inquest_crash_request packet = {};
  // Handlers of other releases send less or more than we know of: what did not come is not there.
  packet.connection_fd = packet.record_file_fd = packet.record_directory_fd = -1;
  const ssize_t got = ::recv(fd, &packet, sizeof packet, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  CrashRequest request;
  request.connection = std::move(*found);
  waiting_.erase(found);
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (!is_understood(packet, got) ||
      ::getsockopt(request.connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return std::nullopt;
  }
  request.pid = peer.pid;
  request.signal = packet.signal_number;
  request.context = {Address(packet.ucontext), Address(packet.siginfo), Address(packet.annotations),
                     packet.annotations_size};
  request.needed_descriptors = needed_descriptors(packet);
  // A forked child of what connected may have sent it: the request is taken for the peer alone.
  const auto process = Proc::open(peer.pid);
  if (!process.ok() || !descends_from(peer.pid, ::getpid())) return std::nullopt;
  request.tid = translate_thread(*process, packet.tid);
  if (request.tid == 0) return std::nullopt;
  return request;
}

void CrashSocket::answer(const CrashRequest& request, uint32_t outcome, uint32_t flags) {
  inquest_crash_reply reply = {};
  reply.magic = INQUEST_WIRE_MAGIC;
  reply.version = INQUEST_WIRE_VERSION;
  reply.size = sizeof reply;
  reply.outcome = outcome;
  reply.flags = flags;
  static_cast<void>(
      ::send(request.connection.get(), &reply, sizeof reply, MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace inquest::capture
