#include "process/runtime/cpython/greenlets.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "process/runtime/cpython/dicts.h"

namespace inquest::process::cpython {
namespace {

constexpr uint32_t kModuleDict = 16;  // PyModuleObject.md_dict
constexpr uint32_t kBase = 256;       // PyTypeObject.tp_base
// PyGC_Head before each object: next and previous, with marks in the lowest bits.
constexpr uint64_t kHeadSize = 16, kMarks = 3;
constexpr uint32_t kGenerations = 3, kGenerationSize = 24;
// PyGreenlet.pimpl (greenlet.h, from 2.0 on), and the words of the C++ object that it points to.
constexpr uint32_t kState = 32, kStateWords = 32;
constexpr uint32_t kInnerFrame = 24;  // PyFrameObject.f_frame
constexpr size_t kMaxWithVariables = 100;

// The way back from a _PyInterpreterFrame to its frame object.
uint32_t frame_object_at(const Version& version) { return version.is_at_least(12) ? 48 : 40; }

class Collector {
 public:
  explicit Collector(const Objects& objects) : objects_(objects) {}

  // Calls `look` with each object, the newest of each generation first.
  template <typename Look>
  Status for_each(Address interpreter, const Look& look) {
    INQ_TRY(Address head, first_list(interpreter));
    for (uint32_t i = 0; i < kGenerations; ++i, head = head + kGenerationSize)
      INQ_TRY_STATUS(walk(head, look));
    return {};
  }
  bool is_cut() const { return seen_ >= kMaxTracked; }

 private:
  // They stand before `collecting` (Include/internal/pycore_gc.h), where three rings begin: in 3.11
  // to 3.13, in 3.14, in 3.15.
  Result<Address> first_list(Address interpreter) const {
    const auto collecting = objects_.layout().interpreter_collecting;
    for (const uint32_t before : {176u, 168u, 104u}) {
      if (!collecting || *collecting < before) continue;
      const Address first = interpreter + (*collecting - before);
      if (is_ring(first) && is_ring(first + kGenerationSize) &&
          is_ring(first + 2 * kGenerationSize))
        return first;
    }
    return Error(ErrorCode::kUnsupported, "where this version lists its objects is not known");
  }

  bool is_ring(Address head) const {
    const auto next = link(head, 0), previous = link(head, 8);
    if (!next.ok() || !previous.ok()) return false;
    const auto back = link(*next, 8), forth = link(*previous, 0);
    return back.ok() && forth.ok() && *back == head && *forth == head;
  }

  Result<Address> link(Address head, uint32_t offset) const {
    INQ_TRY(const uint64_t word, objects_.field<uint64_t>(head, offset));
    const Address to(word & ~kMarks);
    if (!may_be_object(to)) {
      return Error(ErrorCode::kCorrupt,
                   fmt::format("the collector's list is broken at {}", to_hex(head)));
    }
    return to;
  }

  template <typename Look>
  Status walk(Address head, const Look& look) {
    Address after = head;
    INQ_TRY(Address at, link(head, 8));
    for (; at != head && seen_ < kMaxTracked; ++seen_) {
      INQ_TRY(const Address next, link(at, 0));
      if (next != after) {
        return Error(ErrorCode::kCorrupt,
                     fmt::format("the collector's list is broken at {}", to_hex(at)));
      }
      look(at + kHeadSize);
      after = at;
      INQ_TRY(at, link(at, 8));
    }
    return {};
  }

  const Objects& objects_;
  size_t seen_ = 0;
};

class GreenletReader {
 public:
  GreenletReader(const Objects& objects, const Types& types, const Version& version,
                 FrameReader& frames, const ProcessImage& image)
      : objects_(objects), types_(types), version_(version), frames_(frames) {
    for (const Thread& thread : image.threads) {
      const auto sp = thread.registers.sp();
      const Mapping* mapping = sp ? image.mapping_at(*sp) : nullptr;
      if (mapping != nullptr) stacks_.push_back(mapping->range);
    }
  }

  Status collect(Address interpreter, Greenlets& result) {
    INQ_TRY(const auto type, greenlet_type(interpreter));
    if (!type) return {};
    base_ = *type;
    Collector collector(objects_);
    const Status status = collector.for_each(interpreter, [&](Address object) {
      if (!is_greenlet(object) || result.list.size() >= kMaxGreenlets) return;
      if (auto told = tell(object, result.list.size() < kMaxWithVariables))
        result.list.push_back(*std::move(told));
    });
    if (collector.is_cut()) {
      result.notes.push_back(
          fmt::format("greenlets: only the {} newest objects were looked at", kMaxTracked));
    }
    return status;
  }

 private:
  Result<std::optional<Address>> greenlet_type(Address interpreter) const {
    const Layout& layout = objects_.layout();
    if (!layout.interpreter_modules)
      return Error(ErrorCode::kUnsupported, "where this version keeps its modules is not known");
    INQ_TRY(const Address modules, objects_.pointer(interpreter, *layout.interpreter_modules));
    if (modules.is_null()) return std::optional<Address>();
    INQ_TRY(const auto module, value_under(objects_, version_, modules, "greenlet._greenlet"));
    if (!module) return std::optional<Address>();
    INQ_TRY_STATUS(objects_.check_type(*module, "module"));
    INQ_TRY(const Address variables, objects_.pointer(*module, kModuleDict));
    INQ_TRY(const auto type, value_under(objects_, version_, variables, "greenlet"));
    if (!type) return Error(ErrorCode::kNotFound, "their module has no such type");
    INQ_TRY(const std::string name, objects_.name_of_type(*type));
    if (!name.empty() && name != "greenlet.greenlet")
      return Error(ErrorCode::kMismatch, fmt::format("what should be their type is {}", name));
    return type;
  }

  bool is_greenlet(Address object) {
    const auto type = objects_.pointer(object, objects_.layout().object_type);
    if (!type.ok() || type->is_null()) return false;
    if (const auto known = known_.find(*type); known != known_.end()) return known->second;
    Address at = *type;
    for (size_t depth = 0; at != base_ && !at.is_null() && depth < kMaxBases; ++depth) {
      const auto base = objects_.pointer(at, kBase);
      at = base.ok() ? *base : Address();
    }
    if (known_.size() >= kMaxTracked) known_.clear();
    return known_.emplace(*type, at == base_).first->second;
  }

  // The innermost frame of one that is switched away; nullopt: it runs, is done or never ran.
  Result<std::optional<Address>> innermost(Address greenlet) const {
    INQ_TRY(const Address state, objects_.pointer(greenlet, kState));
    if (state.is_null()) return std::optional<Address>();
    std::optional<Address> found;
    bool leads_back = false;
    for (uint32_t i = 0; i < kStateWords && !(leads_back && found); ++i) {
      const auto word = objects_.field<uint64_t>(state, i * 8);
      if (!word.ok()) break;
      leads_back = leads_back || Address(*word) == greenlet;
      if (!found) found = frame_of(Address(*word));
    }
    if (!leads_back)
      return Error(ErrorCode::kUnsupported, "how this greenlet keeps its state is not known");
    return found;
  }

  // Of a frame object whose frame leads back to it.
  std::optional<Address> frame_of(Address object) const {
    if (!may_be_object(object)) return std::nullopt;
    const auto type = objects_.pointer(object, objects_.layout().object_type);
    if (!type.ok() || type->is_null()) return std::nullopt;
    const auto name = objects_.name_of_type(*type);
    if (!name.ok() || *name != "frame") return std::nullopt;
    const auto frame = objects_.pointer(object, kInnerFrame);
    if (!frame.ok() || frame->is_null()) return std::nullopt;
    const auto owner = objects_.pointer(*frame, frame_object_at(version_));
    return owner.ok() && *owner == object ? std::optional(*frame) : std::nullopt;
  }

  std::optional<RuntimeTask> tell(Address greenlet, bool with_variables) {
    RuntimeTask task;
    const auto type = types_.of(greenlet);
    task.name = fmt::format("{} at {}", type.ok() ? (*type)->name : "greenlet", to_hex(greenlet));
    const auto frame = innermost(greenlet);
    if (!frame.ok()) {
      task.gap = frame.error().message();
      return task;
    }
    if (!*frame) return std::nullopt;
    task.state = "switched away";
    const auto is_on_stack = [&](Address at) {
      return std::any_of(stacks_.begin(), stacks_.end(),
                         [&](const AddressRange& stack) { return stack.contains(at); });
    };
    task.frames =
        frames_.read_chain(**frame, kMaxGreenletFrames, with_variables, is_on_stack, task.gap);
    return task;
  }

  const Objects& objects_;
  const Types& types_;
  Version version_;
  FrameReader& frames_;
  std::vector<AddressRange> stacks_;
  Address base_;
  std::unordered_map<Address, bool> known_;
};

}  // namespace

Greenlets read_greenlets(const Objects& objects, const Types& types, const Version& version,
                         FrameReader& frames, const ThreadStates& threads,
                         const ProcessImage& image) {
  Greenlets result;
  if (!version.is_at_least(11)) {
    result.notes.push_back(
        fmt::format("greenlets that were not running are not read in CPython {}.{}", version.major,
                    version.minor));
    return result;
  }
  GreenletReader reader(objects, types, version, frames, image);
  for (const Address interpreter : threads.interpreters) {
    const Status status = reader.collect(interpreter, result);
    if (!status.ok())
      result.notes.push_back(fmt::format("greenlets: {}", status.error().message()));
  }
  return result;
}

}  // namespace inquest::process::cpython
