#include <cstdio>
#include <map>
#include <memory>
#include <string>

struct Handle {
  char path[64] = {};
  int fd = -1;
  char buffer[300] = {};
};

class Registry {
 public:
  void share(const std::string& name, Handle* handle) {
    handles_[name] = std::shared_ptr<Handle>(handle);
  }
  void close(const std::string& name);
  size_t size() const { return handles_.size(); }

 private:
  std::map<std::string, std::shared_ptr<Handle>> handles_;
};

__attribute__((noinline)) void Registry::close(const std::string& name) {
  auto found = handles_.find(name);
  if (found == handles_.end()) return;
  handles_.erase(found);  // CRASH
}

static Handle* open_handle(const std::string& path, int fd) {
  auto* handle = new Handle;
  path.copy(handle->path, sizeof handle->path - 1);
  handle->fd = fd;
  return handle;
}

static size_t run() {
  Registry registry;
  Handle* log = open_handle("/var/log/service/current.log", 5);
  registry.share("log", log);
  registry.share("log.rotated", log);
  registry.share("data", open_handle("/var/lib/service/data", 6));
  registry.close("log");
  registry.close("log.rotated");
  return registry.size();
}

int main() { std::printf("%zu\n", run()); }
