#include "diagnosis/facts/environment.h"

#include <algorithm>
#include <charconv>

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kAtRandom =
    25;  // the bytes that it points at lie right below the arguments and the environment

std::optional<uint8_t> low_byte(std::string_view digits) {
  int value = 0;
  const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc() || stop == digits.data()) return std::nullopt;
  return static_cast<uint8_t>(value & 0xff);
}

}  // namespace

std::optional<std::string> environment_variable(const process::ProcessImage& image,
                                                std::string_view name) {
  const auto random = image.auxv.find(kAtRandom);
  if (random == image.auxv.end() || image.memory == nullptr) return std::nullopt;
  const Address start(random->second);
  const process::Mapping* stack = image.mapping_at(start);
  if (stack == nullptr) return std::nullopt;
  std::string text(std::min(stack->range.end - start, kMaxEnvironment), '\0');
  const auto got =
      image.memory->read(start, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  text.resize(got.size);
  std::string wanted(1, '\0');
  wanted.append(name).push_back('=');
  const size_t found = text.find(wanted);
  if (found == std::string::npos) return std::nullopt;
  const size_t value = found + wanted.size();
  return text.substr(value, text.find('\0', value) - value);
}

std::optional<uint8_t> malloc_perturb_byte(const process::ProcessImage& image) {
  if (const auto value = environment_variable(image, "MALLOC_PERTURB_")) return low_byte(*value);
  const auto tunables = environment_variable(image, "GLIBC_TUNABLES");
  if (!tunables) return std::nullopt;
  constexpr std::string_view kName = "glibc.malloc.perturb=";
  const size_t found = tunables->find(kName);
  return found == std::string::npos
             ? std::nullopt
             : low_byte(std::string_view(*tunables).substr(found + kName.size()));
}

}  // namespace inquest::diagnosis
