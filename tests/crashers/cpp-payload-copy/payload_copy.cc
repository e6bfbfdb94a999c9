#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

class Payload {
 public:
  explicit Payload(const std::string& text) : size_(text.size() + 1), bytes_(new char[size_]) {
    std::memcpy(bytes_, text.c_str(), size_);
  }
  ~Payload();
  size_t size() const { return size_; }
  char first() const { return bytes_[0]; }

 private:
  size_t size_;
  char* bytes_;
};

__attribute__((noinline)) Payload::~Payload() {
  delete[] bytes_;  // CRASH
}

class Outbox {
 public:
  void send(const Payload& payload) {
    queued_ += payload.size();
    last_ = payload.first();
  }
  size_t queued() const { return queued_; }

 private:
  size_t queued_ = 0;
  char last_ = 0;
};

__attribute__((noinline)) static size_t forward(Outbox& outbox, Payload payload) {
  outbox.send(payload);
  return outbox.queued();
}

static size_t broadcast(const std::vector<std::string>& lines) {
  Outbox outbox;
  size_t total = 0;
  for (const auto& line : lines) {
    Payload payload(line);
    total += forward(outbox, payload);
  }
  return total;
}

int main() { std::printf("%zu\n", broadcast({"deposit 100", "withdraw 40"})); }
