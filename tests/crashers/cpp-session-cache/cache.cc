#include <cstdio>

#include "session.h"

static Principal principals[] = {{1, "reader"}, {2, "admin"}};

Session* SessionCache::open(long user, long now) {
  auto* session = new Session;
  session->principal = &principals[user % 2];
  session->last_used = now;
  std::snprintf(session->token, sizeof(session->token), "tok-%ld-%ld", user, now);
  sessions_.push_back(session);
  return session;
}

void SessionCache::expire(long now) {
  std::vector<Session*> kept;
  for (Session* session : sessions_) {
    if (now - session->last_used > 60) {
      delete session;
    } else {
      kept.push_back(session);
    }
  }
  sessions_.swap(kept);
}
