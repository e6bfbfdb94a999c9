#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>

class Codec {
 public:
  virtual ~Codec() = default;
  virtual int quality() const = 0;
  virtual size_t encode(std::string_view data) const = 0;
};

class Jpeg : public Codec {
 public:
  int quality() const override { return 85; }
  size_t encode(std::string_view data) const override { return data.size() / 4; }
};

class Png : public Codec {
 public:
  int quality() const override { return 100; }
  size_t encode(std::string_view data) const override { return data.size() / 2; }
};

class Registry {
 public:
  Registry() {
    codecs_["jpeg"] = std::make_unique<Jpeg>();
    codecs_["png"] = std::make_unique<Png>();
  }
  const Codec* codec(const std::string& format) const {
    auto found = codecs_.find(format);
    return found == codecs_.end() ? nullptr : found->second.get();
  }

 private:
  std::map<std::string, std::unique_ptr<Codec>> codecs_;
};

class Transcoder {
 public:
  explicit Transcoder(const Registry& registry) : registry_(registry) {}
  size_t convert(const std::string& format, std::string_view data);

 private:
  const Registry& registry_;
  size_t total_ = 0;
};

__attribute__((noinline)) size_t Transcoder::convert(const std::string& format,
                                                     std::string_view data) {
  const Codec* codec = registry_.codec(format);
  size_t size = codec->encode(data);  // CRASH
  total_ += size;
  return total_;
}

int main() {
  Registry registry;
  Transcoder transcoder(registry);
  size_t total = 0;
  for (const char* format : {"png", "jpeg", "webp"})
    total = transcoder.convert(format, "0123456789abcdef0123456789abcdef");
  std::printf("%zu\n", total);
}
