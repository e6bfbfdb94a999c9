#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "platform/codec/codec.h"
#include "platform/codec/decoder.h"

namespace inquest::codec {

namespace {

constexpr size_t kInputSize = 128 * 1024;
constexpr size_t kOutputSize =
    256 * 1024;  // a multiple of 4 KiB: pages of the sink's file stay aligned
constexpr size_t kMagicSize = 18;

// The compressed side: a window over the source, refilled when it runs low.
class Input {
 public:
  explicit Input(const Source& source) : source_(source), buffer_(kInputSize) {}

  ByteView view() const { return ByteView(buffer_).subspan(start_, end_ - start_); }
  void consume(size_t size) { start_ += size; }
  bool empty() const { return start_ == end_; }

  // Makes at least `wanted` bytes visible, unless the source ends first.
  Status fill(size_t wanted) {
    if (end_ - start_ >= wanted || at_end_) return {};
    std::copy(buffer_.begin() + start_, buffer_.begin() + end_, buffer_.begin());
    end_ -= std::exchange(start_, 0);
    const std::span<uint8_t> room = std::span<uint8_t>(buffer_).subspan(end_);
    INQ_TRY(const size_t got, source_(room));
    at_end_ = got < room.size();
    end_ += got;
    return {};
  }

  Status skip_zeros() {
    while (true) {
      INQ_TRY_STATUS(fill(1));
      if (empty() || buffer_[start_] != 0) return {};
      ++start_;
    }
  }

 private:
  const Source& source_;
  std::vector<uint8_t> buffer_;
  size_t start_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
};

// The decoded side: collects full pieces for the sink and holds the limit.
class Output {
 public:
  Output(const Sink& sink, uint64_t max_size)
      : sink_(sink), max_size_(max_size), buffer_(kOutputSize) {}

  std::span<uint8_t> room() { return std::span<uint8_t>(buffer_).subspan(used_); }
  uint64_t size() const { return flushed_ + used_; }
  bool over_limit() const { return size() > max_size_; }

  Status produced(size_t size) {
    used_ += size;
    return used_ == buffer_.size() && !over_limit() ? flush() : Status();
  }
  Status flush() {
    if (over_limit()) used_ -= static_cast<size_t>(size() - max_size_);
    if (used_ == 0) return {};
    INQ_TRY_STATUS(sink_(ByteView(buffer_).first(used_)));
    flushed_ += std::exchange(used_, 0);
    return {};
  }

 private:
  const Sink& sink_;
  uint64_t max_size_;
  std::vector<uint8_t> buffer_;
  size_t used_ = 0;
  uint64_t flushed_ = 0;
};

class Pump {
 public:
  Pump(Codec codec, Decoder& decoder, const Source& source, const Sink& sink, uint64_t max_size)
      : codec_(codec),
        decoder_(decoder),
        input_(source),
        output_(sink, max_size),
        max_size_(max_size) {}

  Result<StreamResult> run() {
    while (!done_) INQ_TRY_STATUS(one_step());
    INQ_TRY_STATUS(output_.flush());
    result_.size = output_.size();
    return std::move(result_);
  }

 private:
  Status one_step() {
    INQ_TRY_STATUS(input_.fill(1));
    const bool input_ended = input_.empty();
    const Decoder::Step step = decoder_.step(input_.view(), output_.room());
    input_.consume(step.consumed);
    INQ_TRY_STATUS(output_.produced(step.produced));
    if (output_.over_limit()) {
      end(Ending::kLimit, fmt::format("more than the allowed {} bytes come out of it", max_size_));
    } else if (step.state == Decoder::State::kCorrupt) {
      end(Ending::kCorrupt, fmt::format("the {} data is damaged after {} decoded bytes: {}",
                                        to_string(codec_), output_.size(), step.problem));
    } else if (step.state == Decoder::State::kFrameEnd) {
      return between_frames();
    } else if (step.consumed == 0 && step.produced == 0) {
      if (input_ended) {
        end(Ending::kTruncated, fmt::format("the {} data is cut off after {} decoded bytes",
                                            to_string(codec_), output_.size()));
      } else {
        end(Ending::kCorrupt, fmt::format("the {} data does not go on after {} decoded bytes",
                                          to_string(codec_), output_.size()));
      }
    }
    return {};
  }

  // After a frame: another one, padding with zeros, the end, or something that is not ours.
  Status between_frames() {
    INQ_TRY_STATUS(input_.skip_zeros());
    if (input_.empty()) {
      done_ = true;
      return {};
    }
    INQ_TRY_STATUS(input_.fill(kMagicSize));
    if (sniff(input_.view()) != codec_) {
      end(Ending::kComplete,
          fmt::format("what follows the {} data was ignored: it is not compressed",
                      to_string(codec_)));
    }
    return {};
  }

  void end(Ending ending, std::string note) {
    done_ = true;
    result_.ending = ending;
    result_.note = std::move(note);
  }

  Codec codec_;
  Decoder& decoder_;
  Input input_;
  Output output_;
  uint64_t max_size_;
  bool done_ = false;
  StreamResult result_;
};

}  // namespace

Result<StreamResult> decompress_stream(Codec codec, const Source& source, const Sink& sink,
                                       uint64_t max_size) {
  INQ_TRY(const std::unique_ptr<Decoder> decoder, Decoder::create(codec));
  return Pump(codec, *decoder, source, sink, max_size).run();
}

}  // namespace inquest::codec
