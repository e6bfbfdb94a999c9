#include <cstdio>

#include "session.h"

__attribute__((noinline)) long Connection::answer(long now) {
  long id = session_->principal->id;  // CRASH
  session_->last_used = now;
  std::printf("%s %ld\n", session_->token, id);
  return id;
}

int main() {
  SessionCache cache;
  Connection connection;
  connection.attach(cache.open(7, 1000));
  connection.answer(1010);
  for (long now = 1020; now < 1200; now += 30) {
    cache.expire(now);
  }
  connection.answer(1210);
}
