#include <cassert>
#include <cctype>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

class TokenStream {
 public:
  explicit TokenStream(std::string_view text) : text_(text) {}
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  void expect(char token);
  int number() {
    int value = 0;
    while (std::isdigit(static_cast<unsigned char>(peek()))) value = value * 10 + take() - '0';
    return value;
  }
  char take() { return text_[position_++]; }

 private:
  std::string_view text_;
  size_t position_ = 0;
};

__attribute__((noinline)) void TokenStream::expect(char token) {
  assert(peek() == token);  // CRASH
  take();
}

static int parse_range(TokenStream& tokens) {
  tokens.expect('[');
  int first = tokens.number();
  tokens.expect('-');
  int last = tokens.number();
  tokens.expect(']');
  return last - first;
}

static int total(std::initializer_list<std::string_view> ranges) {
  int sum = 0;
  for (auto range : ranges) {
    TokenStream tokens(range);
    sum += parse_range(tokens);
  }
  return sum;
}

int main() { std::printf("%d\n", total({"[1-5]", "[10-12,]"})); }
