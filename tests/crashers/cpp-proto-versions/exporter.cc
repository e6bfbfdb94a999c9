#include "v2/message.h"

class Exporter {
 public:
  uint64_t send(const std::string& text);

 private:
  uint64_t sent_ = 0;
};

__attribute__((noinline)) uint64_t Exporter::send(const std::string& text) {
  proto::Message* message = proto::parse_message(text);
  uint64_t size = message->fields->size;  // CRASH
  proto::free_message(message);
  sent_ += size;
  return sent_;
}

extern "C" unsigned long exporter_send(const char* text) {
  static Exporter exporter;
  return exporter.send(text);
}
