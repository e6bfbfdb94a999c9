#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <string>

using Entry = unsigned long (*)(const char*);

class Plugin {
 public:
  Plugin(const std::string& directory, const char* library, const char* symbol) {
    void* handle = dlopen((directory + library).c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (handle == nullptr) {
      std::fprintf(stderr, "%s\n", dlerror());
      std::exit(1);
    }
    entry_ = reinterpret_cast<Entry>(dlsym(handle, symbol));
  }
  unsigned long call(const char* text) const { return entry_(text); }

 private:
  Entry entry_ = nullptr;
};

static std::string directory_of(const char* program) {
  std::string path(program);
  return path.substr(0, path.rfind('/') + 1);
}

int main(int, char** argv) {
  std::string directory = directory_of(argv[0]);
  Plugin importer(directory, "libimporter.so", "importer_receive");
  Plugin exporter(directory, "libexporter.so", "exporter_send");
  unsigned long sum = importer.call("order.new id=17 qty=100");
  sum += exporter.call("order.fill id=17 qty=40");
  std::printf("%lu\n", sum);
}
