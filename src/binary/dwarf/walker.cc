#include "binary/dwarf/walker.h"

#include "binary/dwarf/constants.h"

namespace inquest::dwarf {

Walker::Walker(Store& store, const Die& top) : store_(store), unit_(top.unit), die_(top) {}

Value Walker::read_sibling() const {
  if (die_.abbreviation->sibling_at < 0) return attribute(die_, kAtSibling);
  Reader reader = attribute_reader(die_);
  reader.skip(static_cast<uint64_t>(die_.abbreviation->sibling_at));
  const uint64_t number = reader.u32();
  return reader.ok() ? Value{.form = kFormRef4, .number = number} : Value{};
}

// Leaves the reader behind the null entry that ends die_'s children.
bool Walker::step_over_children() {
  if (die_.abbreviation->has_sibling) {
    const Value sibling = read_sibling();
    const auto target = checked_add(unit_->offset, sibling.number);
    const auto here = static_cast<uint64_t>(reader_.position() - unit_->base);
    // Only forwards: that is what ends every walk.
    if (sibling && sibling.form != kFormRefAddr && target && *target >= here &&
        *target <= unit_->end) {
      reader_.skip(*target - here);
      return true;
    }
  }
  int open = 1;
  int64_t steps = 0;
  while (open > 0) {
    const uint64_t code = reader_.uleb();
    if (!reader_.ok()) return false;
    ++steps;
    if (code == 0) {
      --open;
      continue;
    }
    const Abbreviation* abbreviation = unit_->abbreviations->find(code);
    if (abbreviation == nullptr) return false;
    unit_->abbreviations->skip_attributes(*abbreviation, reader_);
    if (abbreviation->has_children) ++open;
  }
  return store_.work().spend(steps);
}

bool Walker::next() {
  if (!started_) {
    started_ = true;
    return static_cast<bool>(die_);
  }
  if (!die_) return false;
  reader_ = attribute_reader(die_);
  unit_->abbreviations->skip_attributes(*die_.abbreviation, reader_);
  if (die_.abbreviation->has_children) {
    if (!skip_) {
      ++depth_;
    } else if (!step_over_children()) {
      die_ = {};
      return false;
    }
  }
  skip_ = false;
  while (depth_ > 0 && store_.work().spend()) {
    const auto offset = static_cast<uint64_t>(reader_.position() - unit_->base);
    const uint64_t code = reader_.uleb();
    if (!reader_.ok()) break;
    if (code == 0) {
      --depth_;
      continue;
    }
    const Abbreviation* abbreviation = unit_->abbreviations->find(code);
    if (abbreviation == nullptr) break;
    die_ = {unit_, offset, abbreviation, reader_.position()};
    return true;
  }
  die_ = {};
  return false;
}

}  // namespace inquest::dwarf
