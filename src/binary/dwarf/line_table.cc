#include "binary/dwarf/line_table.h"

#include <algorithm>
#include <map>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/store.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxFiles = 1 << 20;

bool is_absolute(std::string_view path) { return path.starts_with('/'); }

std::string join(std::string_view directory, std::string_view path) {
  if (directory.empty() || is_absolute(path)) return std::string(path);
  std::string joined(directory);
  if (!joined.ends_with('/')) joined += '/';
  joined += path;
  return joined;
}

}  // namespace

std::unique_ptr<LineTable> LineTable::parse_header(Container& container, uint64_t offset,
                                                   const Unit& unit) {
  LazySection& section = container.section(kLine);
  Reader length_reader(section.window(offset, 12));
  auto table = std::make_unique<LineTable>();
  uint64_t length = length_reader.u32();
  if (length == 0xffffffff) {
    length = length_reader.u64();
    table->offset_size_ = 8;
  }
  const uint64_t length_size = table->offset_size_ == 8 ? 12 : 4;
  const auto bytes = section.part(offset + length_size, length);
  if (!length_reader.ok() || !bytes) return nullptr;

  Reader reader(*bytes);
  table->version_ = reader.u16();
  table->address_size_ = unit.layout.address_size;
  if (table->version_ < 2 || table->version_ > 5) return nullptr;
  if (table->version_ >= 5) {
    table->address_size_ = reader.u8();
    reader.u8();  // segment selector size
  }
  const uint64_t header_length = reader.sized(table->offset_size_);
  if (!reader.ok() || header_length > reader.remaining()) return nullptr;
  const ByteView rest(reader.position(), static_cast<size_t>(reader.remaining()));
  table->program_ = rest.subspan(header_length);
  table->minimum_instruction_ = reader.u8();
  if (table->version_ >= 4) table->maximum_operations_ = std::max<uint8_t>(reader.u8(), 1);
  reader.u8();  // default_is_stmt
  table->line_base_ = static_cast<int8_t>(reader.u8());
  table->line_range_ = reader.u8();
  table->opcode_base_ = reader.u8();
  for (int i = 1; i < table->opcode_base_; ++i) table->operand_counts_.push_back(reader.u8());
  if (!reader.ok() || table->line_range_ == 0 || table->opcode_base_ == 0) return nullptr;
  table->comp_dir_ = unit.root.comp_dir;
  const bool read = table->version_ >= 5 ? table->read_v5_tables(reader, container)
                                         : table->read_v4_tables(reader);
  if (!read) return nullptr;
  table->names_.resize(table->files_.size());
  return table;
}

bool LineTable::read_v4_tables(Reader& reader) {
  directories_.push_back(comp_dir_);
  while (reader.ok() && directories_.size() < kMaxFiles) {
    const std::string_view directory = reader.c_string();
    if (directory.empty()) break;
    directories_.push_back(directory);
  }
  files_.push_back({});  // they count from 1
  while (reader.ok() && files_.size() < kMaxFiles) {
    File file{.path = reader.c_string()};
    if (file.path.empty()) break;
    file.directory = reader.uleb();
    reader.skip_leb();  // time
    reader.skip_leb();  // length
    files_.push_back(file);
  }
  return reader.ok();
}

bool LineTable::read_v5_list(Reader& reader, Container& container, std::vector<File>& into) {
  std::vector<AttributeSpec> format;
  const uint8_t format_count = reader.u8();
  for (int i = 0; i < format_count; ++i) {
    const uint64_t content = reader.uleb();
    const uint64_t form = reader.uleb();
    if (content > 0xffff || form > 0xffff || form == kFormImplicitConst) return false;
    format.push_back({static_cast<uint16_t>(content), static_cast<uint16_t>(form), 0});
  }
  const uint64_t count = reader.uleb();
  // Each entry takes a byte at least; entries of no bytes at all are not worth having.
  if (!reader.ok() || count > kMaxFiles || count > reader.remaining()) return false;
  const Layout layout{
      .version = version_, .offset_size = offset_size_, .address_size = address_size_};
  for (uint64_t i = 0; i < count; ++i) {
    File file;
    for (const AttributeSpec& spec : format) {
      const Value value = read_value(spec.form, 0, layout, reader);
      if (!value) return false;
      if (spec.name == kLnctDirectoryIndex) file.directory = value.number;
      if (spec.name != kLnctPath) continue;
      if (value.form == kFormString) {
        file.path = {reinterpret_cast<const char*>(value.block.data()), value.block.size()};
      } else if (value.form == kFormLineStrp) {
        file.path = container.section(kLineStr).c_string(value.number).value_or("");
      } else if (value.form == kFormStrp) {
        file.path = container.section(kStr).c_string(value.number).value_or("");
      }
    }
    into.push_back(file);
  }
  return reader.ok();
}

bool LineTable::read_v5_tables(Reader& reader, Container& container) {
  std::vector<File> directories;
  if (!read_v5_list(reader, container, directories)) return false;
  for (const File& directory : directories) directories_.push_back(directory.path);
  return read_v5_list(reader, container, files_);
}

std::string_view LineTable::directory(uint64_t index) const {
  return index < directories_.size() ? directories_[index] : std::string_view();
}

std::string_view LineTable::file_name(uint64_t index) {
  if (index >= files_.size()) return {};
  auto& name = names_[index];
  if (!name) {
    const File& file = files_[index];
    name = file.path.empty() ? "" : join(comp_dir_, join(directory(file.directory), file.path));
  }
  return *name;
}

// The state machine of section 6.2.2. Calls `emit(row, offset)` for each row; `offset` is where the
// operation ended.
template <typename Emit>
void LineTable::run(ByteView program, Work& work, bool define_files, Emit&& emit) {
  Reader reader(program);
  Row row{.file = 1, .line = 1};
  uint32_t operation = 0;
  const auto offset = [&] { return program.size() - reader.remaining(); };
  const auto advance = [&](uint64_t amount) {
    if (maximum_operations_ == 1) {
      row.address += minimum_instruction_ * amount;
      return;
    }
    const uint64_t operations = operation + amount;
    row.address += minimum_instruction_ * (operations / maximum_operations_);
    operation = static_cast<uint32_t>(operations % maximum_operations_);
  };
  const auto define_file = [&](Reader& operands) {
    File file{.path = operands.c_string()};
    file.directory = operands.uleb();
    if (!define_files || !operands.ok() || files_.size() >= kMaxFiles) return;
    files_.push_back(file);
    names_.resize(files_.size());
  };
  const auto extended = [&] {
    Reader operands(reader.bytes(reader.uleb()));
    switch (operands.u8()) {
      case kLneEndSequence:
        row.end_sequence = true;
        emit(row, offset());
        row = {.file = 1, .line = 1};
        operation = 0;
        break;
      case kLneSetAddress:
        row.address = operands.sized(static_cast<unsigned>(operands.remaining()));
        operation = 0;
        break;
      case kLneDefineFile:
        define_file(operands);
        break;
      default:
        break;
    }
  };

  while (!reader.at_end() && work.spend()) {
    const uint8_t opcode = reader.u8();
    if (opcode >= opcode_base_) {
      const auto adjusted = static_cast<uint8_t>(opcode - opcode_base_);
      advance(adjusted / line_range_);
      row.line += static_cast<uint32_t>(line_base_ + adjusted % line_range_);
      emit(row, offset());
      continue;
    }
    switch (opcode) {
      case 0:
        extended();
        break;
      case kLnsCopy:
        emit(row, offset());
        break;
      case kLnsAdvancePc:
        advance(reader.uleb());
        break;
      case kLnsAdvanceLine:
        row.line += static_cast<uint32_t>(reader.sleb());
        break;
      case kLnsSetFile:
        row.file = static_cast<uint32_t>(reader.uleb());
        break;
      case kLnsSetColumn:
        row.column = static_cast<uint32_t>(reader.uleb());
        break;
      case kLnsConstAddPc:
        advance((255u - opcode_base_) / line_range_);
        break;
      case kLnsFixedAdvancePc:
        row.address += reader.u16(), operation = 0;
        break;
      case kLnsNegateStmt:
      case kLnsSetBasicBlock:
      case kLnsSetPrologueEnd:
      case kLnsSetEpilogueBegin:
        break;
      default:  // set_isa, and what we do not know
        for (int i = 0; i < operand_counts_[opcode - 1u]; ++i) reader.skip_leb();
    }
  }
}

void LineTable::add_sequence(const Sequence& sequence) {
  const uint64_t highest = address_size_ == 4 ? 0xffffffff : ~uint64_t{0};
  // Address 0 and the highest ones stand for code that the linker dropped.
  const bool dropped = sequence.low == 0 || sequence.low >= highest - 1;
  if (!dropped && sequence.low < sequence.high) sequences_.push_back(sequence);
}

void LineTable::scan(Work& work) {
  Sequence sequence{.low = ~uint64_t{0}};
  run(program_, work, true, [&](const Row& row, uint64_t offset) {
    sequence.low = std::min(sequence.low, row.address);
    if (!row.end_sequence) return;
    sequence.high = row.address;
    sequence.end = offset;
    add_sequence(sequence);
    sequence = {.low = ~uint64_t{0}, .begin = offset};
  });
  std::sort(sequences_.begin(), sequences_.end(),
            [](const Sequence& a, const Sequence& b) { return a.low < b.low; });
  uint64_t reach = 0;
  for (const Sequence& sequence_found : sequences_)
    reach_.push_back(reach = std::max(reach, sequence_found.high));
}

const std::vector<LineTable::Row>& LineTable::rows(Sequence& sequence, Work& work) {
  if (!sequence.rows.empty()) return sequence.rows;
  auto& rows = sequence.rows;
  run(program_.subspan(sequence.begin, sequence.end - sequence.begin), work, false,
      [&](const Row& row, uint64_t) { rows.push_back(row); });
  // Work ran out: no row rather than a sequence without its end.
  if (rows.empty() || !rows.back().end_sequence) {
    rows.assign(1, {.address = sequence.high, .end_sequence = true});
    return rows;
  }
  // Rows should ascend. Those that do not are put in order, equal addresses as they came.
  const auto by_address = [](const Row& a, const Row& b) { return a.address < b.address; };
  if (!std::is_sorted(rows.begin(), rows.end(), by_address)) {
    std::multimap<uint64_t, Row> ordered;  // keeps the order of equal keys
    for (auto row = rows.begin(); row != rows.end() - 1; ++row) ordered.emplace(row->address, *row);
    std::transform(ordered.begin(), ordered.end(), rows.begin(),
                   [](const auto& entry) { return entry.second; });
  }
  return rows;
}

LineTable::Position LineTable::find(uint64_t pc, Work& work) {
  constexpr int kMaxLookBack = 64;
  auto after = std::upper_bound(sequences_.begin(), sequences_.end(), pc,
                                [](uint64_t at, const Sequence& s) { return at < s.low; });
  // Sequences overlap only in damaged or folded code; look back as long as one may still reach
  // `pc`.
  for (int tries = 0; after != sequences_.begin() && tries < kMaxLookBack; ++tries) {
    --after;
    const auto index = static_cast<size_t>(after - sequences_.begin());
    if (reach_[index] <= pc) return {};
    if (after->high <= pc) continue;
    const auto& found = rows(*after, work);
    const auto next =
        std::upper_bound(found.begin(), found.end() - 1, pc,
                         [](uint64_t at, const Row& row) { return at < row.address; });
    if (next == found.begin()) return {};
    return {&*after, static_cast<size_t>(next - found.begin()) - 1};
  }
  return {};
}

}  // namespace inquest::dwarf
