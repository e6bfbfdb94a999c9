#include <cstdio>
#include <string>
#include <unordered_map>

struct Session {
  std::string user;
  int hits = 0;
  long last_seen = 0;
};

class SessionTable {
 public:
  void open(const std::string& token, const std::string& user) {
    sessions_.emplace(token, Session{user, 0, 0});
  }
  int touch(const std::string& token, long now);

 private:
  std::unordered_map<std::string, Session> sessions_;
};

__attribute__((noinline)) int SessionTable::touch(const std::string& token, long now) {
  auto it = sessions_.find(token);
  it->second.last_seen = now;  // CRASH
  it->second.hits++;           // CRASH-ALSO
  return it->second.hits;
}

static int replay(SessionTable& table) {
  int hits = 0;
  long now = 1700000000;
  for (const char* token : {"a81f", "77c0", "a81f", "a81e"}) hits += table.touch(token, now++);
  return hits;
}

int main() {
  SessionTable table;
  table.open("a81f", "alice");
  table.open("77c0", "bob");
  std::printf("%d\n", replay(table));
}
