#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>

class Filter {
 public:
  virtual ~Filter() { close(); }
  void write(std::string_view data) { pending_.append(data); }
  void close();

 protected:
  virtual size_t emit(std::string_view data) = 0;

 private:
  std::string pending_;
  size_t written_ = 0;
};

__attribute__((noinline)) void Filter::close() {
  if (pending_.empty()) return;
  written_ += emit(pending_);  // CRASH
  pending_.clear();
}

class Deflate : public Filter {
 protected:
  size_t emit(std::string_view data) override {
    ratio_ = data.size() / 3;
    return ratio_;
  }

 private:
  size_t ratio_ = 0;
};

class Pipeline {
 public:
  Filter& stage(const std::string& name) {
    auto& slot = stages_[name];
    if (!slot) slot = std::make_unique<Deflate>();
    return *slot;
  }
  void drop(const std::string& name) { stages_.erase(name); }

 private:
  std::map<std::string, std::unique_ptr<Filter>> stages_;
};

int main() {
  Pipeline pipeline;
  pipeline.stage("body").write("the quick brown fox");
  pipeline.stage("body").close();
  pipeline.stage("trailer").write("checksum");
  pipeline.drop("body");
  pipeline.drop("trailer");
  std::puts("done");
}
