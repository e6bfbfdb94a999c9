#include "process/runtime/v8/values.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "base/scrub.h"
#include "base/utf8.h"

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kBigintHeader = 8, kBigintDigits = 16;
constexpr uint64_t kMaxDigits = 4;  // of a BigInt: 256 bits
constexpr int64_t kHoleKind = 2;    // OddballTheHole, as long as it was one
constexpr uint64_t kCollectionTable = 24;
constexpr double kMaxDate = 8.64e15;  // milliseconds from 1970: ECMA-262, 21.4.1.1

// In quotes, without what looks like a secret, cut at kMaxShownCharacters.
std::string quoted(std::string_view plain) {
  const std::string text = scrub_text(plain);
  std::string out = "'";
  size_t shown = 0;
  for (std::string_view rest = text; !rest.empty(); ++shown) {
    if (shown == kMaxShownCharacters) return out + "'…";
    const Utf8Character next = decode_utf8(rest);
    const std::string_view character = rest.substr(0, next.size);
    rest.remove_prefix(next.size);
    if (character == "\n") {
      out += "\\n";
    } else if (character == "'" || character == "\\") {
      out += "\\";
      out += character;
    } else if (next.code < 0x20 || next.code == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(next.code));
    } else {
      out += character;
    }
  }
  return out + "'";
}

// As Date.prototype.toISOString() tells it.
std::string date_text(double since_1970) {
  if (std::isnan(since_1970) || std::abs(since_1970) > kMaxDate) return "Invalid Date";
  using std::chrono::milliseconds, std::chrono::days, std::chrono::floor;
  const std::chrono::sys_time<milliseconds> time{
      milliseconds(static_cast<int64_t>(std::floor(since_1970)))};
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace

std::string number_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  return fmt::format("{}", number);
}

void Values::show(Word word, RuntimeVariable& variable) {
  const auto shown = value(word, 0);
  if (!shown.ok()) {
    variable.why_not = shown.error().message();
    return;
  }
  variable.type = shown->type;
  const bool is_secret = !shown->type.empty() && is_secret_name(variable.name);
  variable.text = is_secret ? std::string(kScrubbed) : shown->text;
}

Result<Values::Shown> Values::value(Word word, size_t depth) {
  if (left_ == 0) return Error(ErrorCode::kTooLarge, "enough values were shown before it");
  --left_;
  const ValueTypes& types = heap_.layout().values.types;
  if (word.is_small()) return Shown{"number", std::to_string(word.small())};
  INQ_TRY(const uint16_t type, heap_.type_of(word));
  if (heap_.is_string(word)) {
    INQ_TRY(const std::string text, heap_.text(word));
    return Shown{"string", quoted(text)};
  }
  if (types.symbol != 0 && type >= types.symbol && type <= types.oddball)
    return primitive(word, type);
  if (is_hole(word)) return Error(ErrorCode::kNotFound, "it has no value yet");
  if (heap_.is_function(word)) {
    INQ_TRY(const Function function, functions_.of_function(word));
    return Shown{"function", function.name.empty() ? "(anonymous)" : function.name + "()"};
  }
  return object(word, type, depth);
}

Result<Values::Shown> Values::primitive(Word word, uint16_t type) const {
  const ValueLayout& layout = heap_.layout().values;
  if (type == layout.types.heap_number && layout.number_value != 0) {
    INQ_TRY(const double number, heap_.load<double>(word.object() + layout.number_value));
    return Shown{"number", number_text(number)};
  }
  if (type == layout.types.bigint) {
    INQ_TRY(std::string text, bigint(word));
    return Shown{"bigint", std::move(text)};
  }
  if (type == layout.types.symbol) return Shown{"symbol", text_of_key(word)};
  if (type == layout.types.oddball && layout.oddball_kind != 0) {
    INQ_TRY(const Word kind, heap_.field(word, layout.oddball_kind));
    const auto number = static_cast<uint64_t>(kind.small());
    if (number == layout.undefined_kind) return Shown{"", "undefined"};
    if (number == layout.null_kind) return Shown{"", "null"};
    if (number == layout.true_kind) return Shown{"boolean", "true"};
    if (number == layout.false_kind) return Shown{"boolean", "false"};
    return Error(ErrorCode::kNotFound, "it has no value yet");  // the hole, and others of V8's own
  }
  return Error(ErrorCode::kUnsupported, "a kind of value that is not read");
}

// Before V8 12 the hole was one of the oddballs.
bool Values::is_hole(Word word) const {
  const ValueLayout& layout = heap_.layout().values;
  if (heap_.is(word, layout.types.hole)) return true;
  if (layout.types.hole != 0 || layout.oddball_kind == 0 || !heap_.is(word, layout.types.oddball))
    return false;
  const auto kind = heap_.field(word, layout.oddball_kind);
  return kind.ok() && kind->small() == kHoleKind;
}

// Its sign and the number of its digits in base 2^64, then these, the lowest first.
Result<std::string> Values::bigint(Word word) const {
  INQ_TRY(const uint32_t header, heap_.load<uint32_t>(word.object() + kBigintHeader));
  const uint64_t digits = header >> 1 & 0x3fffffff;
  if (digits == 0) return std::string("0n");
  if (digits > kMaxDigits) return fmt::format("of {} bits, about", digits * 64);
  std::string text = (header & 1) != 0 ? "-" : "";
  if (digits > 1) text += "0x";
  for (uint64_t i = digits; i-- > 0;) {
    INQ_TRY(const uint64_t digit, heap_.load<uint64_t>(word.object() + kBigintDigits + 8 * i));
    if (digits == 1) {
      text += std::to_string(digit);
    } else {
      text += i + 1 == digits ? fmt::format("{:x}", digit) : fmt::format("{:016x}", digit);
    }
  }
  return text + "n";
}

Result<Values::Shown> Values::object(Word word, uint16_t type, size_t depth) {
  const ValueLayout& layout = heap_.layout().values;
  const auto is = [&](uint16_t wanted) { return wanted != 0 && type == wanted; };
  Shown shown{.type = functions_.class_of(word), .text = {}};
  if (is(layout.types.external)) return Shown{"external", "an object of native code"};
  if (shown.type.empty() && !is(layout.types.object))
    return Error(ErrorCode::kUnsupported, "a kind of object that is not read");
  if (shown.type.empty()) shown.type = "Object";
  if (is(layout.types.array)) {
    INQ_TRY(shown.text, array(word, depth));
  } else if (is(layout.types.typed_array) && layout.view_byte_length != 0) {
    INQ_TRY(const uint64_t size, heap_.load<uint64_t>(word.object() + layout.view_byte_length));
    shown.text = fmt::format("<{} byte{}>", size, size == 1 ? "" : "s");
  } else if (is(layout.types.array_buffer) && layout.buffer_byte_length != 0) {
    INQ_TRY(const uint64_t size, heap_.load<uint64_t>(word.object() + layout.buffer_byte_length));
    shown.text = fmt::format("<{} byte{}>", size, size == 1 ? "" : "s");
  } else if (is(layout.types.date) && layout.date_value != 0) {
    INQ_TRY(const double time, date_of(word));
    shown.text = date_text(time);
  } else if (is(layout.types.regexp) && layout.regexp_source != 0) {
    INQ_TRY(const Word source, heap_.field(word, layout.regexp_source));
    INQ_TRY(const std::string text, heap_.text(source));
    shown.text = "/" + scrub_text(text) + "/";
  } else if (is(layout.types.map) || is(layout.types.set)) {
    INQ_TRY(shown.text, collection(word));
  } else {
    INQ_TRY(shown.text, members(word, depth));
    // What V8 or native code keeps in it is none of its properties.
    if (shown.text == "{}" && !is(layout.types.object)) shown.text = "<not read>";
  }
  return shown;
}

// Its table begins with the number of entries: src/objects/ordered-hash-table.h.
Result<std::string> Values::collection(Word word) const {
  INQ_TRY(const Word table, heap_.field(word, kCollectionTable));
  INQ_TRY(const Word count, heap_.element(table, 0));
  if (!count.is_small() || count.small() < 0)
    return Error(ErrorCode::kCorrupt, "a collection with an impossible size");
  return fmt::format("<{} entr{}>", count.small(), count.small() == 1 ? "y" : "ies");
}

Result<double> Values::date_of(Word word) const {
  const ValueLayout& layout = heap_.layout().values;
  if (layout.plain_dates) return heap_.load<double>(word.object() + layout.date_value);
  INQ_TRY(const Word time, heap_.field(word, layout.date_value));
  return number_of(time);
}

Result<double> Values::number_of(Word word) const {
  if (word.is_small()) return static_cast<double>(word.small());
  const ValueLayout& layout = heap_.layout().values;
  if (!heap_.is(word, layout.types.heap_number) || layout.number_value == 0)
    return Error(ErrorCode::kCorrupt, "what should be a number is none");
  return heap_.load<double>(word.object() + layout.number_value);
}

}  // namespace inquest::process::v8
