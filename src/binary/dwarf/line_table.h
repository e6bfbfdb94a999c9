// LineTable: the line number program of one unit (DWARF 5 section 6.2; versions 2 to 5).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "binary/dwarf/reader.h"

namespace inquest::dwarf {

struct Container;
struct Unit;
class Work;

class LineTable {
 public:
  struct Row {
    uint64_t address = 0;
    uint32_t file = 0;
    uint32_t line = 0;
    uint32_t column = 0;
    bool end_sequence = false;
  };

  // Reads the header at `offset` of the container's .debug_line; nullptr when it is damaged.
  static std::unique_ptr<LineTable> parse_header(Container& container, uint64_t offset,
                                                 const Unit& unit);
  // Runs the program once, to learn where its sequences are. Those of dropped code are left out.
  void scan(Work& work);

  // A stretch of code that the program describes. Rows are made when somebody looks: a unit of a
  // big program has a hundred thousand of them, and a stack needs a few.
  struct Sequence {
    uint64_t low = 0, high = 0;
    uint64_t begin = 0, end = 0;  // of its part of the program
    std::vector<Row> rows;        // by address; the last one ends the sequence
  };
  std::vector<Sequence>& sequences() { return sequences_; }  // by low
  const std::vector<Row>& rows(Sequence& sequence, Work& work);

  // The sequence that covers `pc`, and the index of the row in force there; nullptr when none is.
  struct Position {
    Sequence* sequence = nullptr;
    size_t row = 0;
  };
  Position find(uint64_t pc, Work& work);

  // Absolute where the unit has a compilation directory; empty for an unknown index.
  std::string_view file_name(uint64_t index);

 private:
  struct File {
    std::string_view path;
    uint64_t directory = 0;
  };

  bool read_v4_tables(Reader& reader);
  bool read_v5_tables(Reader& reader, Container& container);
  bool read_v5_list(Reader& reader, Container& container, std::vector<File>& into);
  std::string_view directory(uint64_t index) const;
  template <typename Emit>
  void run(ByteView program, Work& work, bool define_files, Emit&& emit);
  void add_sequence(const Sequence& sequence);

  uint16_t version_ = 0;
  uint8_t offset_size_ = 4, address_size_ = 8;
  uint8_t minimum_instruction_ = 1, maximum_operations_ = 1, line_range_ = 1, opcode_base_ = 1;
  int8_t line_base_ = 0;
  std::vector<uint8_t> operand_counts_;
  std::string_view comp_dir_;
  std::vector<std::string_view> directories_;
  std::vector<File> files_;
  std::deque<std::optional<std::string>> names_;  // as they are asked for; views into them last
  ByteView program_;
  std::vector<Sequence> sequences_;
  std::vector<uint64_t> reach_;  // the highest end of the sequences up to here
};

}  // namespace inquest::dwarf
