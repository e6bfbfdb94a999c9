#include "message.h"

namespace proto {

Message* parse_message(const std::string& text) {
  auto* message = new Message;
  message->type = text.substr(0, text.find(' '));
  message->sequence = 0x9e3779b97f4a7c15u;
  for (char c : text) message->sequence = message->sequence * 33 ^ static_cast<uint8_t>(c);
  message->sequence |= 0x4200000000000000u;
  message->digest = message->sequence >> 7;
  return message;
}

void free_message(Message* message) { delete message; }

}  // namespace proto
