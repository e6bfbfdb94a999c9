// Settings: files in systemd's syntax, with the drop-ins that go over them. Source:
// systemd.syntax(7), systemd.unit(5), systemd.time(7).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace inquest::doctor {

class Settings {
 public:
  struct Value {
    std::string text;
    std::string source;  // the file that said so
  };

  // Reads one file over what is there. A later assignment wins; an empty one takes the earlier
  // back.
  void read(std::string_view text, const std::string& source);

  // nullptr when nobody said anything.
  const Value* find(std::string_view section, std::string_view key) const;
  // In the order in which they were read.
  const std::vector<std::string>& sources() const { return sources_; }

 private:
  std::map<std::pair<std::string, std::string>, Value, std::less<>> values_;
  std::vector<std::string> sources_;
};

// The file that is first found as DIR/NAME, and over it all files of DIR/NAME.d/*.conf, by name;
// below `root`. Directories in the order of precedence; of two drop-ins of one name the earlier
// directory's counts.
Settings read_settings(const std::string& root, const std::vector<std::string>& directories,
                       const std::vector<std::string>& names);

inline constexpr uint64_t kInfinity = ~uint64_t{0};
// "32G", "767M", "4096", "infinity": bytes, to the base of 1024. Percentages are not sizes.
std::optional<uint64_t> parse_size(std::string_view text);
// "100ms", "1min 30s", "5" (seconds), "infinity": microseconds.
std::optional<uint64_t> parse_span(std::string_view text);
std::optional<bool> parse_boolean(std::string_view text);

}  // namespace inquest::doctor
