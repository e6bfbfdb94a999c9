#include "process/runtime/v8/arguments.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kMostPassed = 1 << 16;

// How many arguments were passed, and where they are.
struct Passed {
  uint64_t count = 0;
  Address receiver, first;
  int64_t step = 8;
  Address at(uint64_t index) const {
    return first + static_cast<uint64_t>(step * static_cast<int64_t>(index));
  }
};

Address slot(Address fp, int32_t offset) { return fp + static_cast<uint64_t>(int64_t{offset}); }

std::optional<Passed> passed(const Heap& heap, Address fp, const Function& function) {
  const Layout& layout = heap.layout();
  if (layout.frame_receiver == 0) {
    // An adaptor frame has made them as many as the function has parameters.
    if (layout.frame_last_argument == 0 || !function.parameter_count) return std::nullopt;
    const uint64_t count = *function.parameter_count;
    const Address last = slot(fp, layout.frame_last_argument);
    return Passed{
        .count = count, .receiver = last + 8 * count, .first = last + 8 * (count - 1), .step = -8};
  }
  const auto count = heap.load<uint64_t>(slot(fp, layout.frame_argument_count));
  if (!count.ok() || *count > kMostPassed || (*count == 0 && layout.count_has_receiver))
    return std::nullopt;
  const Address receiver = slot(fp, layout.frame_receiver);
  return Passed{.count = *count - (layout.count_has_receiver ? 1 : 0),
                .receiver = receiver,
                .first = receiver + 8};
}

std::string name_of(const std::vector<Parameter>& parameters, uint64_t index, uint64_t declared) {
  const bool has_rest = !parameters.empty() && parameters.back().is_rest;
  const uint64_t rest = parameters.size() - 1;
  if (has_rest && index >= rest)
    return fmt::format("...{}[{}]", parameters.back().name, index - rest);
  if (index >= declared) return fmt::format("arguments[{}]", index);
  const bool is_named = index < parameters.size() && !parameters[index].name.empty();
  return is_named ? parameters[index].name : fmt::format("argument {}", index + 1);
}

}  // namespace

std::optional<Word> receiver_at(const Heap& heap, Address fp, const Function& function) {
  const auto found = passed(heap, fp, function);
  if (!found) return std::nullopt;
  const auto word = heap.word(found->receiver);
  return word.ok() ? std::optional(*word) : std::nullopt;
}

std::vector<RuntimeVariable> arguments_at(const Heap& heap, const Functions& functions,
                                          Values& values, Address fp, const Function& function) {
  const auto found = passed(heap, fp, function);
  if (!found) return {};
  std::vector<RuntimeVariable> variables;
  const auto add = [&](std::string name, Address at) {
    RuntimeVariable variable{.name = std::move(name), .is_argument = true};
    const auto word = heap.word(at);
    if (word.ok()) {
      values.show(*word, variable);
    } else {
      variable.why_not = word.error().message();
    }
    variables.push_back(std::move(variable));
  };
  const auto receiver = heap.word(found->receiver);
  if (receiver.ok() && !functions.class_of(*receiver).empty()) add("this", found->receiver);
  const std::vector<Parameter> parameters = functions.parameters_of(function);
  const uint64_t declared = function.parameter_count.value_or(0);
  const uint64_t shown = std::min<uint64_t>(std::max(found->count, declared), kMaxParameters);
  for (uint64_t i = 0; i < shown; ++i) {
    std::string name = name_of(parameters, i, declared);
    if (i < found->count) {
      add(std::move(name), found->at(i));
    } else {
      variables.push_back({.name = std::move(name), .text = "undefined", .is_argument = true});
    }
  }
  return variables;
}

}  // namespace inquest::process::v8
