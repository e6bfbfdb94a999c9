#include "diagnosis/text/bun_trace_string.h"

#include <algorithm>
#include <array>

#include "platform/codec/codec.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxText = 8192, kMaxFrames = 256, kMaxObject = 256, kCommit = 7,
                 kMaxMessage = 4096;
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct Platform {
  char letter;
  std::string_view name;
};
constexpr std::array<Platform, 11> kPlatforms = {{{'w', "windows x86_64"},
                                                  {'e', "windows x86_64 baseline"},
                                                  {'W', "windows aarch64"},
                                                  {'m', "macos x86_64"},
                                                  {'b', "macos x86_64 baseline"},
                                                  {'M', "macos aarch64"},
                                                  {'l', "linux x86_64"},
                                                  {'B', "linux x86_64 baseline"},
                                                  {'L', "linux aarch64"},
                                                  {'f', "freebsd x86_64"},
                                                  {'F', "freebsd aarch64"}}};

// Reads the string from left to right; after the first thing that does not fit, ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

  char letter() {
    if (rest_.empty()) return fail<char>();
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  std::string_view letters(size_t count) {
    if (rest_.size() < count) return fail<std::string_view>();
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  // A number of 32 bits with a sign.
  int32_t number() {
    uint32_t value = 0;
    for (uint32_t shift = 0; shift < 35; shift += 5) {
      const size_t digit = kDigits.find(letter());
      if (!ok_ || digit == std::string_view::npos) return fail<int32_t>();
      value |= shift < 32 ? (static_cast<uint32_t>(digit) & 31) << shift : 0;
      if ((digit & 32) == 0) {
        const uint32_t magnitude = value >> 1;
        if ((value & 1) == 0) return static_cast<int32_t>(magnitude);
        return magnitude == 0 ? INT32_MIN : -static_cast<int32_t>(magnitude);
      }
    }
    return fail<int32_t>();
  }
  // 64 bits as two numbers, the upper half first.
  uint64_t wide() {
    const auto high = static_cast<uint32_t>(number());
    const auto low = static_cast<uint32_t>(number());
    return uint64_t{high} << 32 | low;
  }

 private:
  template <typename T>
  T fail() {
    ok_ = false;
    return T{};
  }

  std::string_view rest_;
  bool ok_ = true;
};

bool is_version(std::string_view text) {
  return !text.empty() && std::count(text.begin(), text.end(), '.') == 2 && text.front() != '.' &&
         text.back() != '.' && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

// One frame; nullopt at the end of the frames, or when the string is broken.
std::optional<BunFrame> read_frame(Reader& reader) {
  BunFrame frame;
  const std::string_view rest = reader.rest();
  if (rest.starts_with('=') || rest.starts_with('_')) {
    frame.kind = rest.front() == '=' ? BunFrame::Kind::kJavaScript : BunFrame::Kind::kUnknown;
    reader.letter();
    return frame;
  }
  int32_t value = reader.number();
  if (!reader.ok() || value == 0) return std::nullopt;
  if (value == 1) {
    const int32_t length = reader.number();
    if (length < 0 || static_cast<size_t>(length) > kMaxObject) {
      reader.letters(kMaxText);
      return std::nullopt;
    }
    frame.object = reader.letters(static_cast<size_t>(length));
    value = reader.number();
    if (!reader.ok()) return std::nullopt;
  }
  // Below the start of the executable there is no code of it.
  if (value < 0) frame.kind = BunFrame::Kind::kUnknown;
  if (value > 0) frame.offset = static_cast<uint32_t>(value);
  return frame;
}

std::string_view message_of(char reason) {
  switch (reason) {
    case '1':
      return "reached unreachable code";
    case '2':
      return "Segmentation fault";
    case '3':
      return "Illegal instruction";
    case '4':
      return "Bus error";
    case '5':
      return "Floating point exception";
    case '6':
      return "Unaligned memory access";
    case '7':
      return "Stack overflow";
    case '9':
      return "Bun ran out of memory";
    case 'a':
      return "abort() called";
    case 'b':
      return "Trap instruction";
    default:
      return {};
  }
}

// The text of a panic: zlib in the Base64 of addresses. Empty when it is damaged.
std::string unpacked(std::string_view text) {
  Bytes packed;
  uint32_t bits = 0, count = 0;
  for (const char c : text) {
    const char plain = c == '-' ? '+' : c == '_' ? '/' : c;
    const size_t digit = kDigits.find(plain);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    packed.push_back(static_cast<uint8_t>(bits >> count));
  }
  const auto message = codec::decompress_partial(codec::Codec::kZlib, packed, kMaxMessage);
  if (!message.ok()) return {};
  return std::string(message->bytes.begin(), message->bytes.end());
}

bool read_reason(Reader& reader, BunTrace& trace) {
  trace.reason = reader.letter();
  if (!reader.ok()) return false;
  trace.message = message_of(trace.reason);
  if (trace.reason == '0') {
    const std::string_view rest = reader.rest();
    trace.message = unpacked(rest.substr(0, rest.find('/')));
    return true;
  }
  if (trace.reason == '8') {
    const std::string_view rest = reader.rest();
    trace.message = rest.substr(0, rest.find_first_of("/ \t"));
    return true;
  }
  if (trace.message.empty()) return false;
  if ((trace.reason >= '2' && trace.reason <= '5') || trace.reason == 'b') {
    trace.address = reader.wide();
    return reader.ok();
  }
  return true;
}

}  // namespace

std::optional<BunTrace> parse_bun_trace(std::string_view text) {
  text = text.substr(0, std::min(kMaxText, text.find_first_of(" \t\r\n\"'<>)")));
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || !is_version(text.substr(0, slash))) return std::nullopt;
  BunTrace trace;
  trace.version = text.substr(0, slash);
  Reader reader(text.substr(slash + 1));
  const char letter = reader.letter();
  for (const Platform& platform : kPlatforms) {
    if (platform.letter == letter) trace.platform = platform.name;
  }
  trace.command = reader.letter();
  const char version = reader.letter();
  trace.commit = reader.letters(kCommit);
  if (!reader.ok() || trace.platform.empty() || version < '1' || version > '3') return std::nullopt;
  trace.canary = version == '2' || (version == '3' && (reader.number() & 1) != 0);
  reader.number();  // the features that were used, 64 bits
  reader.number();
  while (const auto frame = read_frame(reader)) {
    if (trace.frames.size() >= kMaxFrames) return std::nullopt;
    trace.frames.push_back(*frame);
  }
  if (!reader.ok() || !read_reason(reader, trace)) return std::nullopt;
  return trace;
}

std::string_view bun_command(char letter) {
  struct Command {
    char letter;
    std::string_view name;
  };
  // One letter stands for two commands ("U"), so it is left out.
  static constexpr std::array<Command, 26> kCommands = {
      {{'I', "bun add"},      {'a', "bun"},
       {'b', "bun build"},    {'B', "bunx"},
       {'c', "bun create"},   {'h', "bun --help"},
       {'j', "bun init"},     {'v', "bun info"},
       {'i', "bun install"},  {'C', "bun completions"},
       {'l', "bun link"},     {'P', "bun pm"},
       {'R', "bun remove"},   {'r', "bun run"},
       {'n', "node (bun)"},   {'t', "bun test"},
       {'u', "bun update"},   {'p', "bun upgrade"},
       {'G', "bun repl"},     {'e', "bun exec"},
       {'x', "bun patch"},    {'z', "bun patch-commit"},
       {'o', "bun outdated"}, {'k', "bun publish"},
       {'A', "bun audit"},    {'W', "bun why"}}};
  for (const Command& command : kCommands) {
    if (command.letter == letter) return command.name;
  }
  return {};
}

}  // namespace inquest::diagnosis
