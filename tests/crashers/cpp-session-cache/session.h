#pragma once
#include <string>
#include <vector>

struct Principal {
  long id;
  const char* role;
};

struct Session {
  Principal* principal;
  long last_used;
  char token[40];
};

class SessionCache {
 public:
  Session* open(long user, long now);
  void expire(long now);

 private:
  std::vector<Session*> sessions_;
};

class Connection {
 public:
  void attach(Session* session) { session_ = session; }
  long answer(long now);

 private:
  Session* session_ = nullptr;
};
