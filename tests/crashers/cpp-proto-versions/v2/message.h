#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace proto {

struct Field {
  uint32_t number = 0;
  uint32_t size = 0;
};

struct Message {
  std::string type;
  Field* fields = nullptr;
  uint64_t field_count = 0;
};

Message* parse_message(const std::string& text);
void free_message(Message* message);

}  // namespace proto
