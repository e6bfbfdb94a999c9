// The trace string that Bun puts into the address of a crash report:
//
//   bun.report/1.3.10/la130e609eAggggC4xu5zE…A2AQ
//              version ││││      │    │     ││└ address that was refused
//                      ││││      │    │     │└ reason
//                      ││││      │    │     └ end of the frames
//                      ││││      │    └ frames: offsets in the executable
//                      ││││      └ features used
//                      │││└ commit
//                      ││└ version of the format (two letters when more was added)
//                      │└ command ("a": AutoCommand)
//                      └ platform
//
// Numbers are Base64 digits of 5 bits, least significant first, the sign in the lowest bit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inquest::diagnosis {

struct BunFrame {
  enum class Kind : uint8_t { kCode, kJavaScript, kUnknown };
  Kind kind = Kind::kCode;
  std::string object;   // library; empty: the bun executable itself
  uint64_t offset = 0;  // from where it was loaded
};

struct BunTrace {
  std::string version;   // "1.3.10"
  std::string platform;  // "linux x86_64", "linux x86_64 baseline"
  std::string commit;    // the first seven digits
  char command = 0;      // see bun_command()
  bool canary = false;
  std::vector<BunFrame> frames;
  char reason = 0;                  // as in the string
  std::string message;              // in words: "Segmentation fault", or the text of the panic
  std::optional<uint64_t> address;  // that was refused
};

// `text` begins behind "bun.report/" and may go on behind the string. nullopt when it is none.
std::optional<BunTrace> parse_bun_trace(std::string_view text);

// "bun run", "bun test"; empty when the letter is not known.
std::string_view bun_command(char letter);

}  // namespace inquest::diagnosis
