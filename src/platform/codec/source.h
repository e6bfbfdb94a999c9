// Sources over bytes in memory. Internal to this room.
#pragma once

#include "platform/codec/codec.h"

namespace inquest::codec {

// `bytes` must outlive the source.
Source source_of(ByteView bytes);

}  // namespace inquest::codec
