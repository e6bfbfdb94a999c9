#include "platform/net/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string>

#include "platform/os/fd.h"

namespace inquest::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// A real server in another process, on a port of its own choosing.
constexpr const char* kServer = R"(
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def answer(self, status, body=b'', length=None, **headers):
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        p = self.path
        if p == '/ok': self.answer(200, b'hello', X_Debuginfod_Size='5')
        elif p == '/big': self.answer(200, b'x' * 1000000)
        elif p == '/moved': self.answer(302, Location='/ok', X_Debuginfod_Size='99')
        elif p == '/loop': self.answer(302, Location='/loop')
        elif p == '/to-file': self.answer(302, Location='file:///etc/passwd')
        elif p == '/cut': self.answer(200, b'half', length=1000); self.close_connection = True
        elif p == '/stall': self.answer(200, b'x', length=1000); self.wfile.flush(); time.sleep(30)
        elif p == '/headers': self.answer(200, str(self.headers).encode())
        else: self.answer(404, b'no such build-id')
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
)";

class HttpTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::unsetenv("http_proxy");
    std::array<int, 2> ends;
    ASSERT_EQ(::pipe(ends.data()), 0);
    server_ = ::fork();
    if (server_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::execlp("python3", "python3", "-c", kServer, nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    std::FILE* out = ::fdopen(ends[0], "r");
    ASSERT_EQ(std::fscanf(out, "%d", &port_), 1) << "the test server did not start";
    std::fclose(out);
  }
  static void TearDownTestSuite() {
    ::kill(server_, SIGKILL);
    ::waitpid(server_, nullptr, 0);
  }
  static std::string url(const std::string& path) {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

  static inline pid_t server_ = -1;
  static inline int port_ = 0;
};

std::string text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

TEST_F(HttpTest, gets_body_status_and_headers) {
  auto response = http_get(url("/ok"));
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(response->success());
  EXPECT_EQ(text(response->body), "hello");
  EXPECT_EQ(response->header("x-debuginfod-size"), "5");
  EXPECT_EQ(response->header("absent"), "");
}

TEST_F(HttpTest, not_found_is_an_answer) {
  auto response = http_get(url("/buildid/00/debuginfo"));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 404);
  EXPECT_FALSE(response->success());
}

TEST_F(HttpTest, follows_redirects_but_not_for_ever) {
  auto response = http_get(url("/moved"));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(text(response->body), "hello");
  EXPECT_EQ(response->url, url("/ok"));
  EXPECT_EQ(response->header("x-debuginfod-size"), "5") << "not the redirect's";
  EXPECT_FALSE(http_get(url("/loop")).ok());
}

TEST_F(HttpTest, never_reads_local_files) {
  EXPECT_EQ(http_get("file:///etc/passwd").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(http_get("/etc/passwd").error().code(), ErrorCode::kInvalidArgument);
  auto redirected = http_get(url("/to-file"));
  ASSERT_FALSE(redirected.ok());
  EXPECT_THAT(redirected.error().message(), HasSubstr("/to-file"));
}

TEST_F(HttpTest, the_body_is_limited) {
  EXPECT_TRUE(http_get(url("/big"), {.max_bytes = 1'000'000}).ok());
  auto over = http_get(url("/big"), {.max_bytes = 999'999});
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code(), ErrorCode::kTooLarge);
}

TEST_F(HttpTest, a_cut_body_is_an_error) {
  EXPECT_EQ(http_get(url("/cut")).error().code(), ErrorCode::kTruncated);
}

TEST_F(HttpTest, a_stalled_server_does_not_hold_us) {
  const auto start = std::chrono::steady_clock::now();
  auto total = http_get(url("/stall"), {.timeout = milliseconds(300)});
  ASSERT_FALSE(total.ok());
  EXPECT_EQ(total.error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(http_get(url("/stall"), {.stall_timeout = milliseconds(1000)}).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(15'000));
}

TEST_F(HttpTest, nobody_listening_names_the_url) {
  auto response = http_get("http://127.0.0.1:1/x");
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message(), HasSubstr("127.0.0.1:1/x"));
}

TEST_F(HttpTest, sends_headers_but_never_two_lines_as_one) {
  auto response = http_get(url("/headers"), {.headers = {"X-Kind: test"}});
  ASSERT_TRUE(response.ok());
  EXPECT_THAT(text(response->body), HasSubstr("X-Kind: test"));
  EXPECT_EQ(http_get(url("/headers"), {.headers = {"A: b\r\nC: d"}}).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST_F(HttpTest, progress_can_give_up) {
  uint64_t last = 0;
  HttpOptions options;
  options.progress = [&](uint64_t done, std::optional<uint64_t>) {
    last = done;
    return true;
  };
  ASSERT_TRUE(http_get(url("/big"), options).ok());
  EXPECT_EQ(last, 1'000'000u);
  options.progress = [](uint64_t, std::optional<uint64_t>) { return false; };
  EXPECT_EQ(http_get(url("/big"), options).error().code(), ErrorCode::kUnavailable);
}

TEST_F(HttpTest, downloads_success_into_a_file_and_nothing_else) {
  auto file = os::anonymous_file();
  ASSERT_TRUE(file.ok());
  auto missing = http_download(url("/none"), file->get());
  ASSERT_TRUE(missing.ok());
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(::lseek(file->get(), 0, SEEK_END), 0) << "an error page is no debug file";
  auto response = http_download(url("/big"), file->get());
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->size, 1'000'000u);
  EXPECT_TRUE(response->body.empty());
  EXPECT_EQ(::lseek(file->get(), 0, SEEK_END), 1'000'000);
}

}  // namespace
}  // namespace inquest::net
