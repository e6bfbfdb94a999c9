// Digests: SHA-256 where content must be told apart for good, XXH64 where a damaged or changed file
// must be noticed quickly. XXH64 is no protection against someone who wants a collision.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace inquest::codec {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(ByteView bytes);
  // Ends the computation; the object can only be destroyed or assigned afterwards.
  Sha256Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256Digest sha256(ByteView bytes);
// Lower-case hexadecimal.
std::string to_hex(const Sha256Digest& digest);

uint64_t xxhash64(ByteView bytes, uint64_t seed = 0);

}  // namespace inquest::codec
