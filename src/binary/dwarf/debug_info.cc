#include "binary/dwarf/debug_info.h"

#include "binary/dwarf/constants.h"
#include "binary/dwarf/impl.h"

namespace inquest::dwarf {
namespace {

Language language_of(uint16_t code) {
  // DW_LANG_*
  switch (code) {
    case 0x0001:  // C89
    case 0x0002:  // C
    case 0x000c:  // C99
    case 0x001d:  // C11
    case 0x002c:  // C17
    case 0x003e:  // C23
      return Language::kC;
    case 0x0004:  // C++
    case 0x001a:  // C++03
    case 0x0020:  // C++11, as used before 0x1a was assigned
    case 0x0021:  // C++14
    case 0x002b:  // C++17
    case 0x002e:  // C++20
    case 0x003a:  // C++23
      return Language::kCxx;
    case 0x001c:
      return Language::kRust;
    case 0x0016:
      return Language::kGo;
    default:
      return Language::kOther;
  }
}

}  // namespace

DebugInfo::DebugInfo(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DebugInfo::~DebugInfo() = default;

Result<std::unique_ptr<DebugInfo>> DebugInfo::open(const elf::File& debug, const elf::File* binary,
                                                   const elf::File* alt,
                                                   const std::string& binary_path,
                                                   SectionMemory* memory) {
  auto impl = std::make_unique<Impl>(debug, binary, alt, binary_path, memory);
  if (impl->store.main().section(kInfo).empty())
    return Error(ErrorCode::kNotFound, "no readable .debug_info");
  return std::unique_ptr<DebugInfo>(new DebugInfo(std::move(impl)));
}

void DebugInfo::prepare(std::span<const uint64_t> pcs) {
  impl_->store.work().start();
  impl_->index.prepare(pcs);
}

std::optional<uint64_t> DebugInfo::unit_at(uint64_t pc) {
  impl_->store.work().start();
  const Unit* unit = impl_->index.find(pc);
  return unit != nullptr ? std::optional(unit->offset) : std::nullopt;
}

Language DebugInfo::language(uint64_t key) {
  impl_->store.work().start();
  Unit* unit = impl_->unit(key);
  if (unit == nullptr) return Language::kOther;
  Unit& full = impl_->store.full_unit(*unit);
  return language_of(full.root.language != 0 ? full.root.language : unit->root.language);
}

std::string DebugInfo::producer(uint64_t key) {
  impl_->store.work().start();
  Unit* unit = impl_->unit(key);
  if (unit == nullptr) return {};
  const Die root = impl_->store.root(impl_->store.full_unit(*unit));
  return root ? std::string(impl_->store.text(root, kAtProducer).value_or("")) : std::string();
}

void DebugInfo::keep_sections() { impl_->store.keep_sections(); }

const std::vector<std::string>& DebugInfo::notes() const { return impl_->store.notes(); }

std::optional<uint64_t> DebugInfo::indexed_address(uint64_t key, uint64_t index) {
  Unit* unit = impl_->unit(key);
  if (unit == nullptr || !impl_->store.enter(*unit)) return std::nullopt;
  return impl_->store.indexed_address(*unit, index);
}

std::optional<ByteView> DebugInfo::location_of_die(uint64_t key, uint64_t die_offset,
                                                   bool in_unit) {
  impl_->store.work().start();
  Unit* unit = impl_->unit(key);
  if (unit == nullptr) return std::nullopt;
  const Unit& full = impl_->store.full_unit(*unit);
  const auto offset = in_unit ? checked_add(full.offset, die_offset) : std::optional(die_offset);
  const Die die = offset ? impl_->store.die({full.container->id, *offset}) : Die{};
  const Value location = die ? attribute(die, kAtLocation) : Value{};
  return is_expression(location) ? std::optional(location.block) : std::nullopt;
}

unsigned DebugInfo::offset_size(uint64_t key) {
  Unit* unit = impl_->unit(key);
  return unit != nullptr ? impl_->store.full_unit(*unit).layout.offset_size : 4;
}

std::optional<BaseType> DebugInfo::base_type(uint64_t key, uint64_t offset_in_unit) {
  impl_->store.work().start();
  Unit* unit = impl_->unit(key);
  if (unit == nullptr) return std::nullopt;
  const Unit& full = impl_->store.full_unit(*unit);
  const auto offset = checked_add(full.offset, offset_in_unit);
  const Die die = offset ? impl_->store.die({full.container->id, *offset}) : Die{};
  if (!die || die.tag() != kTagBaseType) return std::nullopt;
  BaseType type;
  type.size = unsigned_attribute(die, kAtByteSize).value_or(0);
  switch (unsigned_attribute(die, kAtEncoding).value_or(0)) {
    case kAteBoolean:
    case kAteUnsigned:
    case kAteUnsignedChar:
    case kAteAddress:
    case kAteUtf:
      type.kind = BaseType::Kind::kUnsigned;
      break;
    case kAteSigned:
    case kAteSignedChar:
      type.kind = BaseType::Kind::kSigned;
      break;
    case kAteFloat:
      type.kind = BaseType::Kind::kFloat;
      break;
    default:
      break;
  }
  return type;
}

}  // namespace inquest::dwarf
