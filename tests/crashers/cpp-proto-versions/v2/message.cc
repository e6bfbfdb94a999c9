#include "message.h"

namespace proto {

Message* parse_message(const std::string& text) {
  auto* message = new Message;
  message->type = text.substr(0, text.find(' '));
  message->fields = new Field[4];
  message->fields[0].size = static_cast<uint32_t>(text.size());
  message->field_count = 1;
  return message;
}

void free_message(Message* message) {
  delete[] message->fields;
  delete message;
}

}  // namespace proto
