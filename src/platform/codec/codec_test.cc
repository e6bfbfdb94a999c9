#include "platform/codec/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lz4frame.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstdio>
#include <random>
#include <string>

#include "platform/codec/decoder.h"

namespace inquest::codec {
namespace {

using testing::HasSubstr;

Bytes zlib_encode(ByteView plain, int window_bits) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(deflateBound(&stream, plain.size()) + 64);
  stream.next_in = const_cast<uint8_t*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes encode(Codec codec, ByteView plain) {
  Bytes out;
  switch (codec) {
    case Codec::kGzip:
      return zlib_encode(plain, 15 + 16);
    case Codec::kZlib:
      return zlib_encode(plain, 15);
    case Codec::kXz: {
      out.resize(lzma_stream_buffer_bound(plain.size()));
      size_t size = 0;
      EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr, plain.data(), plain.size(),
                                        out.data(), &size, out.size()),
                LZMA_OK);
      out.resize(size);
      return out;
    }
    case Codec::kZstd:
      out.resize(ZSTD_compressBound(plain.size()));
      {
        ZSTD_CCtx* context = ZSTD_createCCtx();
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        out.resize(ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size()));
        ZSTD_freeCCtx(context);
      }
      return out;
    case Codec::kLz4: {
      LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
      preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
      out.resize(LZ4F_compressFrameBound(plain.size(), &preferences));
      out.resize(
          LZ4F_compressFrame(out.data(), out.size(), plain.data(), plain.size(), &preferences));
      return out;
    }
  }
  return out;
}

// Half text-like, half noise, so that every codec has both matches and literals.
Bytes sample(size_t size) {
  std::mt19937 random(7);
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i / 1000 % 2 == 0 ? 'a' + i % 7 : random());
  }
  return bytes;
}

Bytes joined(const Bytes& a, const Bytes& b) {
  Bytes all = a;
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

class EveryCodec : public testing::TestWithParam<Codec> {};

INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodec,
                         testing::Values(Codec::kGzip, Codec::kZlib, Codec::kXz, Codec::kZstd,
                                         Codec::kLz4),
                         [](const auto& each) { return std::string(to_string(each.param)); });

TEST_P(EveryCodec, gives_back_what_was_compressed) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{1'000'000}}) {
    const Bytes plain = sample(size);
    const Bytes compressed = encode(GetParam(), plain);
    EXPECT_EQ(sniff(compressed), GetParam());
    auto back = decompress(GetParam(), compressed, 10'000'000);
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_TRUE(*back == plain) << size;
  }
}

TEST_P(EveryCodec, reads_frames_in_a_row_and_padding) {
  const Bytes plain = sample(300'000);
  const Bytes frame = encode(GetParam(), plain);
  Bytes twice = joined(frame, frame);
  twice.resize(twice.size() + 512);
  auto back = decompress_partial(GetParam(), twice, 10'000'000);
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(back->bytes == joined(plain, plain));
  EXPECT_EQ(back->ending, Ending::kComplete);
  EXPECT_EQ(back->note, "");
}

TEST_P(EveryCodec, finds_the_next_frame_whatever_the_room_and_the_pieces) {
  const Bytes plain = sample(1'000);
  const Bytes frame = encode(GetParam(), plain);
  const Bytes twice = joined(frame, frame);
  for (const size_t room : {1, 7, 250, 1'000, 5'000}) {
    for (const size_t piece : {1, 3, 5'000}) {
      auto decoder = Decoder::create(GetParam());
      ASSERT_TRUE(decoder.ok());
      ByteView input = twice;
      Bytes back, buffer(room);
      int frames = 0;
      for (int steps = 0; steps < 10'000 && frames < 2; ++steps) {
        const auto step = (*decoder)->step(input.first(std::min(piece, input.size())), buffer);
        ASSERT_NE(step.state, Decoder::State::kCorrupt) << step.problem;
        input = input.subspan(step.consumed);
        back.insert(back.end(), buffer.begin(),
                    buffer.begin() + static_cast<ptrdiff_t>(step.produced));
        if (step.state == Decoder::State::kFrameEnd) ++frames;
      }
      EXPECT_EQ(frames, 2) << "room " << room << ", pieces of " << piece;
      EXPECT_TRUE(back == joined(plain, plain)) << "room " << room << ", pieces of " << piece;
    }
  }
}

TEST_P(EveryCodec, a_cut_file_yields_what_came_before_the_cut) {
  const Bytes plain = sample(3'000'000);
  Bytes compressed = encode(GetParam(), plain);
  compressed.resize(compressed.size() / 2);
  auto part = decompress_partial(GetParam(), compressed, 10'000'000);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->ending, Ending::kTruncated);
  EXPECT_THAT(part->note, HasSubstr("cut off"));
  EXPECT_GT(part->bytes.size(), plain.size() / 4);
  ASSERT_LT(part->bytes.size(), plain.size());
  EXPECT_TRUE(std::equal(part->bytes.begin(), part->bytes.end(), plain.begin()));
  EXPECT_EQ(decompress(GetParam(), compressed, 10'000'000).error().code(), ErrorCode::kTruncated);
}

TEST_P(EveryCodec, losing_only_the_last_byte_is_noticed) {
  Bytes compressed = encode(GetParam(), sample(300'000));
  compressed.pop_back();
  auto part = decompress_partial(GetParam(), compressed, 10'000'000);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->ending, Ending::kTruncated);
}

TEST_P(EveryCodec, damage_in_the_middle_keeps_the_beginning) {
  const Bytes plain = sample(3'000'000);
  Bytes compressed = encode(GetParam(), plain);
  for (size_t i = 0; i < 64; ++i) compressed[compressed.size() / 2 + i] ^= 0xff;
  auto part = decompress_partial(GetParam(), compressed, 10'000'000);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->ending, Ending::kCorrupt);
  EXPECT_THAT(part->note, HasSubstr("damaged"));
  EXPECT_GT(part->bytes.size(), plain.size() / 4);
  EXPECT_EQ(decompress(GetParam(), compressed, 10'000'000).error().code(), ErrorCode::kCorrupt);
}

TEST_P(EveryCodec, a_bomb_stops_at_the_limit) {
  const Bytes zeros(50'000'000);
  const Bytes bomb = encode(GetParam(), zeros);
  EXPECT_LT(bomb.size(), zeros.size() / 200);
  EXPECT_EQ(decompress(GetParam(), bomb, 1'000'000).error().code(), ErrorCode::kTooLarge);
  auto part = decompress_partial(GetParam(), bomb, 1'000'000);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->bytes.size(), 1'000'000u);
  EXPECT_EQ(part->ending, Ending::kLimit);
  EXPECT_GE(largest_output(GetParam(), bomb.size()), zeros.size());
}

TEST_P(EveryCodec, a_limit_of_exactly_the_size_is_enough) {
  const Bytes plain = sample(262'144);
  EXPECT_TRUE(decompress(GetParam(), encode(GetParam(), plain), plain.size()).ok());
  EXPECT_FALSE(decompress(GetParam(), encode(GetParam(), plain), plain.size() - 1).ok());
}

TEST_P(EveryCodec, exact_wants_exactly_the_promised_size) {
  const Bytes plain = sample(100'000);
  const Bytes compressed = encode(GetParam(), plain);
  Bytes right(plain.size());
  ASSERT_TRUE(decompress_exact(GetParam(), compressed, right).ok());
  EXPECT_TRUE(right == plain);
  Bytes short_one(plain.size() - 1);
  EXPECT_FALSE(decompress_exact(GetParam(), compressed, short_one).ok());
  Bytes long_one(plain.size() + 1);
  EXPECT_FALSE(decompress_exact(GetParam(), compressed, long_one).ok());
  Bytes cut = compressed;
  cut.resize(cut.size() / 2);
  EXPECT_FALSE(decompress_exact(GetParam(), cut, right).ok());
}

TEST_P(EveryCodec, something_else_behind_the_frame_is_ignored_and_said) {
  const Bytes plain = sample(1000);
  const std::string_view tail = "not compressed at all";
  const Bytes all = joined(encode(GetParam(), plain), Bytes(tail.begin(), tail.end()));
  auto back = decompress_partial(GetParam(), all, 10'000);
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(back->bytes == plain);
  EXPECT_EQ(back->ending, Ending::kComplete);
  EXPECT_THAT(back->note, HasSubstr("ignored"));
}

TEST_P(EveryCodec, nonsense_is_an_error_not_an_empty_success) {
  const Bytes nonsense(100, 0x55);
  EXPECT_FALSE(decompress_partial(GetParam(), nonsense, 1000).ok());
  EXPECT_FALSE(decompress_partial(GetParam(), {}, 1000).ok());
}

class TemporaryFile {
 public:
  TemporaryFile() : file_(std::tmpfile()) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::fclose(file_); }
  int fd() const { return fileno(file_); }
  uint64_t size() const { return static_cast<uint64_t>(status().st_size); }
  uint64_t stored() const { return static_cast<uint64_t>(status().st_blocks) * 512; }

 private:
  struct stat status() const {
    struct stat info = {};
    EXPECT_EQ(::fstat(fd(), &info), 0);
    return info;
  }
  std::FILE* file_;
};

// 64 MiB that are zero but for two islands, the way a sparse core looks.
Bytes sparse_sample() {
  Bytes plain(uint64_t{64} << 20);
  const Bytes island = sample(10'000);
  std::copy(island.begin(), island.end(), plain.begin() + 1'000'000);
  std::copy(island.begin(), island.end(), plain.begin() + 60'000'123);
  return plain;
}

TEST(DecompressToFile, zero_pages_become_holes) {
  const Bytes plain = sparse_sample();
  const Bytes compressed = encode(Codec::kZstd, plain);
  const TemporaryFile file;
  auto result = decompress_to_file(Codec::kZstd, compressed, file.fd());
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->size, plain.size());
  EXPECT_EQ(file.size(), plain.size());
  EXPECT_LT(file.stored(), 200'000u);
  Bytes back(plain.size());
  ASSERT_EQ(::pread(file.fd(), back.data(), back.size(), 0), static_cast<ssize_t>(back.size()));
  EXPECT_TRUE(back == plain);
}

TEST(DecompressToFile, stored_data_is_bounded_apart_from_the_apparent_size) {
  const Bytes compressed = encode(Codec::kLz4, sparse_sample());
  const TemporaryFile file;
  auto result = decompress_to_file(Codec::kLz4, compressed, file.fd(), {.max_stored = 20'000});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kLimit);
  EXPECT_LE(file.stored(), 20'480u);

  const TemporaryFile small;
  result = decompress_to_file(Codec::kLz4, compressed, small.fd(), {.max_size = 5'000'000});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kLimit);
  EXPECT_EQ(small.size(), 5'000'000u);
}

TEST(DecompressToFile, reads_a_descriptor_and_the_bytes_already_taken_from_it) {
  const Bytes plain = sample(2'000'000);
  const Bytes compressed = encode(Codec::kGzip, plain);
  const TemporaryFile input;
  ASSERT_EQ(::write(input.fd(), compressed.data(), compressed.size()),
            static_cast<ssize_t>(compressed.size()));
  ASSERT_EQ(::lseek(input.fd(), 100, SEEK_SET), 100);
  const TemporaryFile output;
  auto result =
      decompress_to_file(Codec::kGzip, input.fd(), ByteView(compressed).first(100), output.fd());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kComplete);
  Bytes back(plain.size());
  ASSERT_EQ(::pread(output.fd(), back.data(), back.size(), 0), static_cast<ssize_t>(back.size()));
  EXPECT_TRUE(back == plain);
}

TEST(DecompressToFile, the_sinks_error_comes_out) {
  auto result = decompress_to_file(Codec::kGzip, encode(Codec::kGzip, sample(1000)), -1);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().sys_errno(), EBADF);
}

TEST(Sniff, plain_files_are_plain) {
  const std::string_view elf =
      "\x7f"
      "ELF\x02\x01\x01";
  EXPECT_EQ(sniff({reinterpret_cast<const uint8_t*>(elf.data()), elf.size()}), std::nullopt);
  const std::string_view text = "x marks the spot";
  EXPECT_EQ(sniff({reinterpret_cast<const uint8_t*>(text.data()), text.size()}), std::nullopt);
  EXPECT_EQ(sniff({}), std::nullopt);
}

TEST(Sniff, looks_behind_skippable_frames) {
  Bytes skippable = {0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};
  const Bytes plain = sample(1000);
  for (const Codec codec : {Codec::kZstd, Codec::kLz4}) {
    const Bytes all = joined(skippable, encode(codec, plain));
    EXPECT_EQ(sniff(all), codec);
    auto back = decompress(codec, all, 1000);
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(*back == plain);
  }
}

TEST(LargestOutput, saturates) {
  EXPECT_EQ(largest_output(Codec::kZstd, ~uint64_t{0}), ~uint64_t{0});
  EXPECT_LT(largest_output(Codec::kZlib, 100), 200'000u);
}

}  // namespace
}  // namespace inquest::codec
