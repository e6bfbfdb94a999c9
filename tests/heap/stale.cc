// A session is used after it was closed: the allocator is told to fill freed memory (jemalloc), or links
// it through its first word (tcmalloc).
#include <cstdio>
#include <cstdlib>
#include <cstring>

struct Driver {
  int (*ping)(int);
  int retries;
};

struct Session {
  const Driver* driver;
  int fd;
  char token[148];
};

static int ping(int fd) { return fd; }
static const Driver kDriver = {ping, 3};

__attribute__((noinline)) static void close_session(Session* session) { std::free(session); }

__attribute__((noinline)) static int notify(Session* session) {
  const int answer = session->driver->ping(session->fd);
  return answer + session->fd;
}

int main() {
  Session* sessions[6];
  for (int i = 0; i < 6; ++i) {
    sessions[i] = static_cast<Session*>(std::malloc(sizeof(Session)));
    sessions[i]->driver = &kDriver;
    sessions[i]->fd = i;
    std::memset(sessions[i]->token, 't', sizeof sessions[i]->token);
  }
  for (int i = 0; i < 4; ++i) close_session(sessions[i]);
  std::printf("%d\n", notify(sessions[2]));
  return 0;
}
