#include "process/runtime/cpython/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/scrub.h"
#include "base/utf8.h"
#include "process/runtime/cpython/scalars.h"

namespace inquest::process::cpython {
namespace {

constexpr uint32_t kVariableSize = 16;  // ob_size, of lists, tuples, ints up to 3.11 and the like
constexpr uint32_t kNumber = 16;        // of a float; of a complex, two of them
constexpr uint32_t kDigits = 24;
// bytearray: its size, what was allocated, where that begins, where its bytes begin.
constexpr uint32_t kByteArrayStart = 40;
// Qualified names: of a function (PyFunctionObject, ever since 3.10 and before), of a module.
constexpr uint32_t kFunctionName = 40, kOldFunctionName = 104;
constexpr uint32_t kModuleName = 40, kOldModuleName = 48;  // from 3.15 on, before
// PyArrayObject and PyArray_Descr of numpy 1 and 2.
constexpr uint32_t kArrayDimensions = 24, kArrayShape = 32, kArrayType = 56;
constexpr int32_t kMaxDimensions = 64;
constexpr uint32_t kDescriptionCode = 25;   // the letter of the element's type …
constexpr uint32_t kDescriptionOrder = 26;  // … and of the order of its bytes

std::vector<uint32_t> codes_of(std::string_view text) {
  std::vector<uint32_t> codes;
  while (!text.empty()) {
    const Utf8Character character = decode_utf8(text);
    codes.push_back(character.code);
    text.remove_prefix(character.size);
  }
  return codes;
}

// The letters of numpy that say the same on every machine of 64 bits with Linux.
std::string_view element_name(char code) {
  constexpr std::array<std::pair<char, std::string_view>, 20> kNames = {
      {{'?', "bool"},       {'b', "int8"},      {'B', "uint8"},      {'h', "int16"},
       {'H', "uint16"},     {'i', "int32"},     {'I', "uint32"},     {'l', "int64"},
       {'L', "uint64"},     {'e', "float16"},   {'f', "float32"},    {'d', "float64"},
       {'g', "longdouble"}, {'F', "complex64"}, {'D', "complex128"}, {'O', "object"},
       {'U', "str"},        {'S', "bytes"},     {'M', "datetime64"}, {'m', "timedelta64"}}};
  const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                   [&](const auto& name) { return name.first == code; });
  return found == kNames.end() ? std::string_view() : found->second;
}

}  // namespace

void Values::show(Address object, RuntimeVariable& variable) {
  const auto type = types_.of(object);
  if (!type.ok()) {
    variable.why_not = type.error().message();
    return;
  }
  variable.type = (*type)->name;
  if ((*type)->kind != Kind::kNone && is_secret_name(variable.name)) {
    variable.text = kScrubbed;
    return;
  }
  std::string text;
  inside_.clear();
  const Status status = write(object, text);
  if (status.ok()) {
    variable.text = std::move(text);
  } else {
    variable.why_not = status.error().message();
  }
}

Status Values::write(Address object, std::string& text) {
  if (left_ == 0) return Error(ErrorCode::kTooLarge, "more than enough values were read before it");
  --left_;
  INQ_TRY(const Type* type, types_.of(object));
  // Of a class that is made from a built-in: Name(…).
  constexpr std::array kNamed = {Kind::kBool,    Kind::kInt,   Kind::kFloat,
                                 Kind::kComplex, Kind::kText,  Kind::kBytes,
                                 Kind::kList,    Kind::kTuple, Kind::kDict};
  const bool wrap = (!type->is_exact || (type->kind == Kind::kDict && type->name != "dict")) &&
                    std::find(kNamed.begin(), kNamed.end(), type->kind) != kNamed.end();
  if (!wrap) return write_as(*type, object, text);
  text += type->name + "(";
  INQ_TRY_STATUS(write_as(*type, object, text));
  text += ")";
  return {};
}

Status Values::write_as(const Type& type, Address object, std::string& text) {
  switch (type.kind) {
    case Kind::kNone:
      text += "None";
      return {};
    case Kind::kEllipsis:
      text += "Ellipsis";
      return {};
    case Kind::kNotImplemented:
      text += "NotImplemented";
      return {};
    case Kind::kBool: {
      INQ_TRY(const uint32_t digit, objects_.field<uint32_t>(object, kDigits));
      text += digit != 0 ? "True" : "False";
      return {};
    }
    case Kind::kInt:
      return write_int(object, text);
    case Kind::kFloat: {
      INQ_TRY(const double value, objects_.field<double>(object, kNumber));
      text += repr_float(value);
      return {};
    }
    case Kind::kComplex: {
      INQ_TRY(const double real, objects_.field<double>(object, kNumber));
      INQ_TRY(const double imaginary, objects_.field<double>(object, kNumber + 8));
      text += repr_complex(real, imaginary);
      return {};
    }
    case Kind::kText:
      return write_text(object, text);
    case Kind::kBytes:
    case Kind::kByteArray:
      return write_bytes(object, type, text);
    case Kind::kType: {
      INQ_TRY(const Type* itself, types_.at(object));
      text += fmt::format("<class '{}'>", itself->name);
      return {};
    }
    case Kind::kArray:
      return write_array(object, type, text);
    case Kind::kFunction:
    case Kind::kModule:
    case Kind::kGenerator:
    case Kind::kCoroutine:
    case Kind::kAsyncGenerator:
      write_named(object, type, text);
      return {};
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kSet:
    case Kind::kException:
    case Kind::kOther:
      break;
    default:
      text += type.at_address(object);
      return {};
  }
  if (std::find(inside_.begin(), inside_.end(), object) != inside_.end()) {
    text += type.kind == Kind::kList ? "[...]" : type.kind == Kind::kDict ? "{...}" : "(...)";
    return {};
  }
  if (inside_.size() >= kMaxNesting) {
    text += type.at_address(object);
    return {};
  }
  inside_.push_back(object);
  Status status;
  if (type.kind == Kind::kList || type.kind == Kind::kTuple) {
    status = write_sequence(object, type, text);
  } else if (type.kind == Kind::kDict) {
    status = write_dict(object, text);
  } else if (type.kind == Kind::kSet) {
    status = write_set(object, type, text);
  } else if (type.kind == Kind::kException) {
    status = write_exception(object, type, text);
  } else {
    status = write_instance(object, type, text);
  }
  inside_.pop_back();
  return status;
}

// Digits of 30 bits. Up to 3.11 the size has the sign, then the lowest bits of a tag.
Status Values::write_int(Address object, std::string& text) const {
  INQ_TRY(const int64_t tag, objects_.field<int64_t>(object, kVariableSize));
  const bool has_tag = version_.is_at_least(12);
  const bool is_negative = has_tag ? (tag & 3) == 2 : tag < 0;
  const uint64_t count = has_tag       ? static_cast<uint64_t>(tag) >> 3
                         : is_negative ? 0 - static_cast<uint64_t>(tag)
                                       : static_cast<uint64_t>(tag);
  if (has_tag && (tag & 3) == 1) {
    text += "0";
    return {};
  }
  if (count > kMaxDigits) {
    if (count > uint64_t{1} << 40)
      return Error(ErrorCode::kCorrupt, fmt::format("the int at {} has no size", to_hex(object)));
    text += fmt::format("<int of about {} bits>", count * 30);
    return {};
  }
  INQ_TRY(const Bytes bytes, objects_.copy(object + kDigits, count * 4));
  std::vector<uint32_t> digits;
  for (uint64_t i = 0; i < count; ++i) {
    digits.push_back(*load<uint32_t>(bytes, i * 4));
    if (digits.back() >> 30 != 0) {
      return Error(ErrorCode::kCorrupt,
                   fmt::format("the int at {} contradicts itself", to_hex(object)));
    }
  }
  text += repr_int(digits, is_negative);
  return {};
}

// The secret that is looked for is in the text as it is, not in its escaped form.
Status Values::write_text(Address object, std::string& text) const {
  INQ_TRY(Objects::Characters all, objects_.characters(object, kMaxTextRead));
  std::string plain;
  for (const uint32_t code : all.codes) append_utf8(plain, code);
  if (const std::string scrubbed = scrub_text(plain); scrubbed != plain)
    all.codes = codes_of(scrubbed);
  text += repr_text(all.codes, kMaxShownCharacters, all.length > all.codes.size());
  return {};
}

Status Values::write_bytes(Address object, const Type& type, std::string& text) const {
  INQ_TRY(const uint64_t size, objects_.field<uint64_t>(object, kVariableSize));
  const bool is_array = type.kind == Kind::kByteArray;
  Address start = object + objects_.layout().bytes_value;
  if (is_array) {
    INQ_TRY(const uint64_t at, objects_.field<uint64_t>(object, kByteArrayStart));
    start = Address(at);
  }
  if (size > INT64_MAX)
    return Error(ErrorCode::kCorrupt, fmt::format("the bytes at {} have no size", to_hex(object)));
  INQ_TRY(const Bytes bytes, objects_.copy(start, std::min(size, kMaxTextRead)));
  const std::string_view plain(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string scrubbed = scrub_text(plain);
  const ByteView view(reinterpret_cast<const uint8_t*>(scrubbed.data()), scrubbed.size());
  const std::string shown = repr_bytes(view, kMaxShownCharacters, size > bytes.size());
  text += is_array ? fmt::format("{}({})", type.name, shown) : shown;
  return {};
}

// "<function Order.quote at 0x7f…>", "<coroutine object fetch at 0x7f…>", "<module 'sys'>".
void Values::write_named(Address object, const Type& type, std::string& text) const {
  uint32_t offset = objects_.layout().generator_name.value_or(0);
  if (type.kind == Kind::kModule) offset = version_.is_at_least(15) ? kModuleName : kOldModuleName;
  if (type.kind == Kind::kFunction)
    offset = version_.is_at_least(10) ? kFunctionName : kOldFunctionName;
  const auto at = objects_.pointer(object, offset);
  const auto name = at.ok() ? objects_.text(*at) : Result<std::string>(at.error());
  if (offset == 0 || !name.ok()) {
    text += type.at_address(object);
  } else if (type.kind == Kind::kModule) {
    text += fmt::format("<module '{}'>", *name);
  } else {
    text += fmt::format("<{}{} {} at {}>", type.name, type.kind == Kind::kFunction ? "" : " object",
                        *name, to_hex(object));
  }
}

Status Values::write_array(Address object, const Type& type, std::string& text) const {
  INQ_TRY(const int32_t dimensions, objects_.field<int32_t>(object, kArrayDimensions));
  INQ_TRY(const Address shape, objects_.pointer(object, kArrayShape));
  INQ_TRY(const Address description, objects_.pointer(object, kArrayType));
  const bool is_sound =
      dimensions >= 0 && dimensions <= kMaxDimensions && (dimensions == 0 || !shape.is_null());
  const auto code = description.is_null() ? Result<char>(Error(ErrorCode::kCorrupt, ""))
                                          : objects_.field<char>(description, kDescriptionCode);
  if (!is_sound || !code.ok() || element_name(*code).empty()) {
    text += type.at_address(object);
    return {};
  }
  INQ_TRY(const char order, objects_.field<char>(description, kDescriptionOrder));
  std::string sizes;
  for (int32_t i = 0; i < dimensions; ++i) {
    INQ_TRY(const int64_t size, objects_.field<int64_t>(shape, static_cast<uint32_t>(i) * 8));
    sizes += fmt::format("{}{}", i == 0 ? "" : ", ", size);
  }
  text += fmt::format("{}(shape=({}{}), dtype={}{})", type.name, sizes, dimensions == 1 ? "," : "",
                      order == '>' ? "big-endian " : "", element_name(*code));
  return {};
}

}  // namespace inquest::process::cpython
