// Decoder: the libraries behind one step function. Internal to this room.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "platform/codec/codec.h"

namespace inquest::codec {

class Decoder {
 public:
  enum class State {
    kMore,      // goes on; needs input or room
    kFrameEnd,  // one frame ended; the next step starts another
    kCorrupt,   // see `problem`
  };
  struct Step {
    size_t consumed = 0;
    size_t produced = 0;
    State state = State::kMore;
    std::string problem;
  };

  virtual ~Decoder() = default;
  virtual Step step(ByteView input, std::span<uint8_t> output) = 0;

  static Result<std::unique_ptr<Decoder>> create(Codec codec);
};

}  // namespace inquest::codec
