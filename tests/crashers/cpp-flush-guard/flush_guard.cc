#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

class DiskFull : public std::runtime_error {
 public:
  explicit DiskFull(const std::string& path) : std::runtime_error("disk full: " + path) {}
};

class Sink {
 public:
  explicit Sink(std::string path, size_t capacity) : path_(std::move(path)), capacity_(capacity) {}
  void write(const std::string& text) { buffer_ += text; }
  void flush();
  size_t flushed() const { return flushed_; }

 private:
  std::string path_;
  std::string buffer_;
  size_t capacity_;
  size_t flushed_ = 0;
};

__attribute__((noinline)) void Sink::flush() {
  if (flushed_ + buffer_.size() > capacity_) throw DiskFull(path_);  // CRASH-ALSO
  flushed_ += buffer_.size();
  buffer_.clear();
}

class FlushGuard {
 public:
  explicit FlushGuard(Sink& sink) : sink_(sink) {}
  ~FlushGuard();

 private:
  Sink& sink_;
};

__attribute__((noinline)) FlushGuard::~FlushGuard() {  // CRASH
  sink_.flush();                                       // CRASH-ALSO
}  // CRASH-ALSO

static void log_batch(Sink& sink, const std::vector<std::string>& lines) {
  FlushGuard guard(sink);
  for (const auto& line : lines) sink.write(line);
}

int main() {
  Sink sink("/var/log/app.log", 40);
  log_batch(sink, {"started", "listening"});
  log_batch(sink, {"request 1 served", "request 2 served", "request 3"});
  std::printf("%zu\n", sink.flushed());
}
