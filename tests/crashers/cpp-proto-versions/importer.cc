#include "v1/message.h"

extern "C" unsigned long importer_receive(const char* text) {
  proto::Message* message = proto::parse_message(text);
  unsigned long digest = message->digest;
  proto::free_message(message);
  return digest;
}
