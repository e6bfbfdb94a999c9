#include "platform/codec/digest.h"

#include <gtest/gtest.h>

#include <string_view>

namespace inquest::codec {
namespace {

ByteView view(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// FIPS 180-2, appendix B.1.
TEST(Sha256, matches_the_published_example) {
  EXPECT_EQ(to_hex(sha256(view("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, pieces_make_the_same_digest) {
  Sha256 hash;
  hash.update(view("a"));
  hash.update({});
  hash.update(view("bc"));
  EXPECT_EQ(hash.finish(), sha256(view("abc")));
}

TEST(Xxhash64, matches_the_reference_and_depends_on_the_seed) {
  EXPECT_EQ(xxhash64({}), 0xef46db3751d8e999u);
  EXPECT_EQ(xxhash64(view("abc")), 0x44bc2cf5ad770999u);
  EXPECT_NE(xxhash64(view("abc"), 1), xxhash64(view("abc")));
}

}  // namespace
}  // namespace inquest::codec
