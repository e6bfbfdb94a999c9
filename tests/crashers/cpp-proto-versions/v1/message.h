#pragma once

#include <cstdint>
#include <string>

namespace proto {

struct Message {
  std::string type;
  uint64_t sequence = 0;
  uint64_t digest = 0;
};

Message* parse_message(const std::string& text);
void free_message(Message* message);

}  // namespace proto
