// What arrays and objects hold.
#include <fmt/format.h>

#include <bit>
#include <vector>

#include "base/scrub.h"
#include "process/runtime/v8/properties.h"
#include "process/runtime/v8/values.h"

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kFirstElement = 16;  // of arrays, also of doubles
constexpr uint64_t kHoleInDoubles = 0xfff7fffffff7ffff;
// ElementsKind: src/objects/elements-kind.h of V8.
constexpr uint32_t kLastTagged = 3, kPackedDoubles = 4, kHoleyDoubles = 5;

constexpr std::string_view kNameless = "Symbol()";

}  // namespace

// The text between brackets, up to kMaxShownItems and kMaxValueText.
class Values::Members {
 public:
  Members(Values& values, size_t depth) : values_(values), depth_(depth) {}

  bool is_full() const { return count_ == kMaxShownItems || text_.size() > kMaxValueText; }
  void add(const std::string& item) {
    text_ += count_++ == 0 ? "" : ", ";
    text_ += item;
  }
  void add(const std::string& key, const std::string& item) { add(key + ": " + item); }
  void add(const std::string& key, Word word) {
    const bool is_secret = is_secret_name(key) && !word.is_small();
    add(key, is_secret ? std::string(kScrubbed) : values_.inner(word, depth_ + 1));
  }
  void add(Word word) { add(values_.inner(word, depth_ + 1)); }
  std::string finish(char open, char close, uint64_t total) const {
    if (total == 0) return {open, close};
    const bool more = total > count_;
    return fmt::format("{} {}{} {}", open, text_, !more ? "" : (count_ == 0 ? "…" : ", …"), close);
  }

 private:
  Values& values_;
  size_t depth_;
  std::string text_;
  uint64_t count_ = 0;
};

std::string Values::inner(Word word, size_t depth) {
  const auto shown = value(word, depth);
  if (!shown.ok()) return fmt::format("<{}>", shown.error().message());
  const char first = shown->text.empty() ? 0 : shown->text[0];
  const bool says_itself = first != '{' && first != '<';
  if (says_itself || shown->type == "Object") return shown->text;
  return shown->type + " " + shown->text;
}

std::string Values::text_of_key(Word key) const {
  const auto text = key_text(heap_, key);
  return text.ok() ? *text : "<a name that is not there>";
}

Result<std::string> Values::array(Word array, size_t depth) {
  const ValueLayout& layout = heap_.layout().values;
  INQ_TRY(const Word length, heap_.field(array, layout.array_length));
  INQ_TRY(const double count, number_of(length));
  if (!(count >= 0 && count <= UINT32_MAX))
    return Error(ErrorCode::kCorrupt, "an array with an impossible length");
  const auto total = static_cast<uint64_t>(count);
  if (depth >= kMaxNesting && total > 0)
    return fmt::format("[ {} item{} ]", total, total == 1 ? "" : "s");
  Members members(*this, depth);
  INQ_TRY_STATUS(add_elements(array, total, members));
  return members.finish('[', ']', total);
}

Status Values::add_elements(Word array, uint64_t count, Members& members) {
  const ValueLayout& layout = heap_.layout().values;
  INQ_TRY(const Word map, heap_.word(array.object()));
  INQ_TRY(const uint8_t bits, heap_.load<uint8_t>(map.object() + layout.map_bit_field2));
  const uint32_t kind = layout.elements_kind.of(bits);
  const bool is_double = kind == kPackedDoubles || kind == kHoleyDoubles;
  if (layout.elements_kind.mask == 0 || (kind > kLastTagged && !is_double)) return {};
  INQ_TRY(const Word elements, heap_.field(array, layout.object_elements));
  INQ_TRY(const uint64_t capacity, heap_.array_length(elements));
  if (count > capacity) return Error(ErrorCode::kCorrupt, "an array longer than its elements");
  for (uint64_t i = 0; i < count && !members.is_full(); ++i) {
    const Address at = elements.object() + kFirstElement + 8 * i;
    if (!is_double) {
      INQ_TRY(const Word word, heap_.word(at));
      is_hole(word) ? members.add("<empty>") : members.add(word);
      continue;
    }
    INQ_TRY(const uint64_t raw, heap_.load<uint64_t>(at));
    members.add(raw == kHoleInDoubles ? "<empty>" : number_text(std::bit_cast<double>(raw)));
  }
  return {};
}

Result<std::string> Values::members(Word object, size_t depth) {
  if (depth >= kMaxNesting) {
    INQ_TRY(const uint64_t count, count_own_properties(heap_, object));
    return std::string(count == 0 ? "{}" : "{ … }");
  }
  INQ_TRY(const Properties properties, own_properties(heap_, object, kMaxShownItems));
  Members members(*this, depth);
  uint64_t total = properties.total;
  for (const Property& property : properties.list) {
    if (members.is_full()) break;
    const std::string key = text_of_key(property.key);
    if (key == kNameless) {  // V8's own
      --total;
      continue;
    }
    if (property.is_accessor) {
      members.add(key, "[Getter/Setter]");
    } else if (property.number) {
      members.add(key, number_text(*property.number));
    } else {
      members.add(key, property.value);
    }
  }
  return members.finish('{', '}', total);
}

}  // namespace inquest::process::v8
