#include "process/runtime/cpython/frames.h"

#include <fmt/format.h>

#include <unordered_set>
#include <utility>

namespace inquest::process::cpython {
namespace {

constexpr size_t kMaxCodesKept = 20'000;
// Owners of a _PyInterpreterFrame (Include/internal/pycore_frame.h): a thread, a generator, a frame
// object; from here on the interpreter itself, at the start of each call of its loop.
constexpr uint8_t kFirstOwnOwner = 3;
constexpr uint8_t kLastOwner = 4;

LineFormat format_of(const Version& version) {
  if (version.is_at_least(11)) return LineFormat::kLocations;
  return version.is_at_least(10) ? LineFormat::kRanges : LineFormat::kLineNumbers;
}

void add_gap(std::string& gap, std::string_view what, const Error& error) {
  if (!gap.empty()) gap += "; ";
  gap += fmt::format("{}: {}", what, error.message());
}

}  // namespace

FrameReader::FrameReader(const Objects& objects, const Types& types, const Version& version)
    : objects_(objects),
      layout_(objects.layout()),
      version_(version),
      format_(format_of(version)),
      locals_(objects, types, version) {}

Result<Address> FrameReader::innermost(Address thread) const {
  if (layout_.thread_frame) return objects_.pointer(thread, *layout_.thread_frame);
  INQ_TRY(const Address control, objects_.pointer(thread, layout_.thread_control.value_or(0)));
  if (control.is_null()) return control;
  return objects_.pointer(control, layout_.control_frame);
}

std::vector<Address> FrameReader::controls(Address thread) const {
  std::vector<Address> found;
  if (!layout_.thread_control) return found;
  auto control = objects_.pointer(thread, *layout_.thread_control);
  while (control.ok() && !control->is_null() && found.size() < kMaxFrames) {
    found.push_back(*control);
    control = objects_.pointer(*control, layout_.control_previous);
  }
  return found;
}

FrameReader::Code FrameReader::read_code(Address address) const {
  Code code;
  if (const Status is_code = objects_.check_type(address, "code"); !is_code.ok()) {
    code.gap = is_code.error().message();
    return code;
  }
  code.is_code = true;
  code.instructions = address + layout_.code_instructions;
  const auto text = [&](uint32_t offset, std::string_view what, std::string& into) {
    const auto object = objects_.pointer(address, offset);
    if (!object.ok()) return add_gap(code.gap, what, object.error());
    auto value = objects_.text(*object);
    if (!value.ok()) return add_gap(code.gap, what, value.error());
    into = *std::move(value);
  };
  text(layout_.code_qualified_name.value_or(layout_.code_name), "the name", code.function);
  text(layout_.code_file, "the file", code.file);
  const auto first = objects_.field<int32_t>(address, layout_.code_first_line);
  if (first.ok() && *first > 0) code.first_line = static_cast<uint32_t>(*first);
  const auto lines = objects_.pointer(address, layout_.code_lines);
  auto bytes = lines.ok() ? objects_.bytes(*lines) : Result<Bytes>(lines.error());
  if (bytes.ok()) {
    code.lines = *std::move(bytes);
  } else {
    add_gap(code.gap, "the line", bytes.error());
  }
  return code;
}

const FrameReader::Code& FrameReader::code_at(Address address) {
  if (const auto known = codes_.find(address); known != codes_.end()) return known->second;
  if (codes_.size() >= kMaxCodesKept) codes_.clear();
  return codes_.emplace(address, read_code(address)).first->second;
}

RuntimeFrame FrameReader::tell(const Code& code, int64_t offset) const {
  RuntimeFrame frame{.function = code.function, .file = code.file, .gap = code.gap};
  if (const auto place = place_of(format_, code.lines, code.first_line, offset)) {
    frame.line = place->line;
    frame.column = place->column;
  }
  return frame;
}

Result<FrameReader::Step> FrameReader::read_frame_object(Address frame) {
  INQ_TRY_STATUS(objects_.check_type(frame, "frame"));
  Step step{.previous = {}, .frame = std::nullopt, .ends_activation = true};
  INQ_TRY(step.previous, objects_.pointer(frame, layout_.frame_previous));
  INQ_TRY(const Address address, objects_.pointer(frame, layout_.frame_code));
  INQ_TRY(const int32_t index, objects_.field<int32_t>(frame, layout_.frame_instruction));
  step.code = address;
  const Code& code = code_at(address);
  if (!code.is_code) return Error(ErrorCode::kCorrupt, code.gap);
  // Bytes up to 3.9, then units of two.
  step.frame = tell(code, version_.is_at_least(10) ? int64_t{index} * 2 : int64_t{index});
  return step;
}

Result<FrameReader::Step> FrameReader::read_interpreter_frame(Address frame) {
  Step step;
  INQ_TRY(step.previous, objects_.pointer(frame, layout_.frame_previous));
  INQ_TRY(const uint8_t owner, objects_.field<uint8_t>(frame, layout_.frame_owner.value_or(0)));
  if (owner > kLastOwner) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("{} is no frame: its owner is {}", to_hex(frame), owner));
  }
  if (version_.is_at_least(12) && owner >= kFirstOwnOwner) {
    step.ends_activation = true;
    return step;
  }
  INQ_TRY(const uint64_t executable, objects_.field<uint64_t>(frame, layout_.frame_code));
  const Address address(without_mark(executable, version_));
  INQ_TRY(const uint64_t instruction, objects_.field<uint64_t>(frame, layout_.frame_instruction));
  step.code = address;
  const Code& code = code_at(address);
  if (!code.is_code) return Error(ErrorCode::kCorrupt, code.gap);
  step.frame = tell(code, static_cast<int64_t>(instruction - code.instructions.value));
  if (layout_.frame_is_entry) {
    INQ_TRY(const uint8_t is_entry, objects_.field<uint8_t>(frame, *layout_.frame_is_entry));
    step.ends_activation = is_entry != 0;
  }
  return step;
}

Result<FrameReader::Step> FrameReader::read_frame(Address frame, bool with_variables) {
  auto step = version_.is_at_least(11) ? read_interpreter_frame(frame) : read_frame_object(frame);
  if (!step.ok() || !step->frame || !with_variables) return step;
  std::string gap;
  step->frame->variables = locals_.of(frame, step->code, gap);
  if (step->frame->gap.empty()) step->frame->gap = std::move(gap);
  return step;
}

Result<RuntimeFrame> FrameReader::read_one(Address frame, bool with_variables) {
  if (frames_left_ == 0) return Error(ErrorCode::kTooLarge, "more than enough frames were read");
  --frames_left_;
  INQ_TRY(Step step, read_frame(frame, with_variables));
  if (!step.frame)
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no frame of a coroutine", to_hex(frame)));
  return *std::move(step.frame);
}

std::vector<RuntimeFrame> FrameReader::read_chain(Address frame, size_t max, bool with_variables,
                                                  const std::function<bool(Address)>& is_on_stack,
                                                  std::string& gap) {
  std::vector<RuntimeFrame> frames;
  std::unordered_set<Address> seen;
  while (!frame.is_null()) {
    if (frames.size() >= max || frames_left_ == 0) {
      gap = fmt::format("frames beyond {} are not read", frames.size());
      break;
    }
    if (!seen.insert(frame).second) {
      gap = fmt::format("its frames go round in a circle at {}", to_hex(frame));
      break;
    }
    if (is_on_stack(frame)) {
      gap = "its outer frames were on a stack that others use now";
      break;
    }
    --frames_left_;
    auto step = read_frame(frame, with_variables);
    if (!step.ok() || !step->frame) {
      gap = step.ok() ? "its outer frames are not known" : step.error().message();
      break;
    }
    frames.push_back(*std::move(step->frame));
    frame = step->previous;
  }
  return frames;
}

// From 3.12 on the interpreter's own frame lies on the native stack; in 3.11 its other record does.
void FrameReader::set_places(const std::vector<Address>& shims, Address thread,
                             FrameChain& chain) const {
  const std::vector<Address> places = layout_.frame_is_entry ? controls(thread) : shims;
  for (size_t i = 0; i < chain.activations.size() && i < places.size(); ++i)
    chain.activations[i].on_stack = places[i];
}

FrameChain FrameReader::read(Address thread) {
  FrameChain chain;
  auto frame = innermost(thread);
  if (!frame.ok()) {
    chain.notes.push_back(fmt::format("its Python frames: {}", frame.error().message()));
    return chain;
  }
  std::unordered_set<Address> seen;
  std::vector<Address> shims;  // one for each activation that has begun
  size_t count = 0;
  bool begins = true;
  Address at = *frame;
  while (!at.is_null()) {
    if (!seen.insert(at).second) {
      chain.notes.push_back(
          fmt::format("the Python frames go round in a circle at {}", to_hex(at)));
      break;
    }
    if (seen.size() > kMaxFrames || frames_left_ == 0) {
      chain.notes.push_back(fmt::format("Python frames beyond {} are not read", count));
      break;
    }
    --frames_left_;
    auto step = read_frame(at, count < kMaxFramesWithVariables);
    if (!step.ok()) {
      chain.notes.push_back(fmt::format("Python frame {} and those below it cannot be read: {}",
                                        count, step.error().message()));
      break;
    }
    if (step->frame) {
      if (begins) chain.activations.emplace_back();
      begins = false;
      chain.activations.back().frames.push_back(*std::move(step->frame));
      ++count;
    }
    if (step->ends_activation) {
      if (!step->frame && !begins) shims.push_back(at);
      begins = true;
    }
    at = step->previous;
  }
  set_places(shims, thread, chain);
  return chain;
}

}  // namespace inquest::process::cpython
