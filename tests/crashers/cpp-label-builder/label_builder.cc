#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

class LabelBuilder {
 public:
  void add(std::string_view part) { parts_.emplace_back(part); }
  std::string render(char separator) const;

 private:
  static char* append(char* out, const std::string& part);
  std::vector<std::string> parts_;
};

__attribute__((noinline)) char* LabelBuilder::append(char* out, const std::string& part) {
  std::memcpy(out, part.data(), part.size());
  return out + part.size();
}

__attribute__((noinline)) std::string LabelBuilder::render(char separator) const {
  char text[48];
  char* at = text;
  for (const auto& part : parts_) {
    at = append(at, part);
    *at++ = separator;
  }
  return std::string(text, static_cast<size_t>(at - text));
}  // CRASH

static size_t describe(const std::vector<std::string_view>& tags) {
  LabelBuilder builder;
  for (auto tag : tags) builder.add(tag);
  return builder.render('/').size();
}

int main() {
  size_t size = describe({"eu", "prod", "api"});
  size += describe({"ap-southeast-1", "staging", "recommendation-service", "canary-deployment",
                    "build-20250114", "rev-7f3c"});
  std::printf("%zu\n", size);
}
