// Against a server of a few lines on the loopback.
#include "process/modules/debuginfod.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "testing/elf_builder.h"

namespace inquest::process {
namespace {

using inquest::testing::ElfBuilder;
using ::testing::HasSubstr;

class Server {
 public:
  explicit Server(std::map<std::string, Bytes> files) : files_(std::move(files)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ok_ = ::bind(socket_, generic, size) == 0 && ::listen(socket_, 8) == 0 &&
          ::getsockname(socket_, generic, &size) == 0;
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() { stop(); }

  void stop() {
    if (socket_ < 0) return;
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
    socket_ = -1;
  }

  bool ok() const { return ok_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int requests() const { return requests_; }

 private:
  void serve() {
    while (true) {
      const int client = ::accept(socket_, nullptr, nullptr);
      if (client < 0) return;
      answer(client);
      ::close(client);
    }
  }

  void answer(int client) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::read(client, buffer, sizeof(buffer));
      if (got <= 0) return;
      request.append(buffer, static_cast<size_t>(got));
    }
    ++requests_;
    const size_t start = request.find(' ') + 1;
    const auto found = files_.find(request.substr(start, request.find(' ', start) - start));
    std::string reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (found != files_.end()) {
      reply = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
              std::to_string(found->second.size()) + "\r\n\r\n";
      reply.append(found->second.begin(), found->second.end());
    }
    for (size_t done = 0; done < reply.size();) {
      const ssize_t put = ::write(client, reply.data() + done, reply.size() - done);
      if (put <= 0) return;
      done += static_cast<size_t>(put);
    }
  }

  std::map<std::string, Bytes> files_;
  int socket_ = -1;
  bool ok_ = false;
  uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

const Bytes kId = {0xab, 0xcd, 1, 2, 3, 4, 5, 6};
const Bytes kOtherId = {0x12, 0x34, 9, 9, 9, 9, 9, 9};
constexpr auto kDebug = Debuginfod::Kind::kDebugInfo;
constexpr auto kExecutable = Debuginfod::Kind::kExecutable;

Bytes file_with(const Bytes& id) {
  ElfBuilder builder;
  builder.add_build_id(id);
  return builder.build();
}

class DebuginfodTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TempDirectory::create();
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    options_.debuginfod_cache = directory_->file("cache");
  }

  void start(std::map<std::string, Bytes> files) {
    server_ = std::make_unique<Server>(std::move(files));
    if (!server_->ok()) GTEST_SKIP() << "no socket on the loopback here";
    options_.debuginfod_urls = "  " + server_->url() + "/ ";
  }

  std::optional<os::TempDirectory> directory_;
  std::unique_ptr<Server> server_;
  ModuleOptions options_;
};

TEST_F(DebuginfodTest, FetchesOnceAndKeepsTheFile) {
  start({{"/buildid/abcd010203040506/debuginfo", file_with(kId)}});
  Debuginfod first(options_);
  const auto path = first.find(BuildId(kId), kDebug);
  ASSERT_TRUE(path);
  EXPECT_EQ(*path, options_.debuginfod_cache + "/abcd010203040506/debuginfo");
  EXPECT_EQ(*os::read_file(*path, 1 << 20), file_with(kId));
  Debuginfod second(options_);
  EXPECT_EQ(second.find(BuildId(kId), kDebug), path);
  EXPECT_EQ(server_->requests(), 1);
}

TEST_F(DebuginfodTest, RemembersThatThereIsNone) {
  start({});
  Debuginfod first(options_);
  EXPECT_FALSE(first.find(BuildId(kId), kExecutable));
  Debuginfod second(options_);
  EXPECT_FALSE(second.find(BuildId(kId), kExecutable));
  EXPECT_EQ(server_->requests(), 1);
  EXPECT_TRUE(first.notes().empty());
}

TEST_F(DebuginfodTest, RefusesAFileOfAnotherBuild) {
  start({{"/buildid/abcd010203040506/debuginfo", file_with(kOtherId)}});
  Debuginfod client(options_);
  EXPECT_FALSE(client.find(BuildId(kId), kDebug));
  ASSERT_EQ(client.notes().size(), 1u);
  EXPECT_THAT(client.notes()[0].text, HasSubstr("is not abcd010203040506"));
}

TEST_F(DebuginfodTest, AsksAnUnreachableServerOnlyOnce) {
  start({});
  server_->stop();
  Debuginfod client(options_);
  EXPECT_FALSE(client.find(BuildId(kId), kDebug));
  EXPECT_FALSE(client.find(BuildId(kOtherId), kDebug));
  EXPECT_EQ(client.notes().size(), 1u);
  // Not reached is not the same as not there: another run may ask again.
  EXPECT_FALSE(os::is_regular_file(options_.debuginfod_cache + "/abcd010203040506/debuginfo"));
}

TEST_F(DebuginfodTest, AsksTheNextServer) {
  start({{"/buildid/abcd010203040506/executable", file_with(kId)}});
  Server empty({});
  if (!empty.ok()) GTEST_SKIP() << "no second socket";
  options_.debuginfod_urls = empty.url() + " " + server_->url();
  EXPECT_TRUE(Debuginfod(options_).find(BuildId(kId), kExecutable));
  EXPECT_EQ(empty.requests(), 1);
}

TEST_F(DebuginfodTest, DoesNothingWhenSwitchedOff) {
  start({{"/buildid/abcd010203040506/debuginfo", file_with(kId)}});
  options_.use_debuginfod = false;
  EXPECT_FALSE(Debuginfod(options_).find(BuildId(kId), kDebug));
  EXPECT_EQ(server_->requests(), 0);
}

}  // namespace
}  // namespace inquest::process
