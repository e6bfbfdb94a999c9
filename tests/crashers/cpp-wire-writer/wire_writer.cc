#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

class WireWriter {
 public:
  explicit WireWriter(std::vector<uint8_t>& out) : out_(out) {}
  void put_u32(uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
      out_.push_back(static_cast<uint8_t>(value >> shift));
  }
  void put_name(const std::string& name);

 private:
  std::vector<uint8_t>& out_;
};

__attribute__((noinline)) void WireWriter::put_name(const std::string& name) {
  char field[32] = {};
  std::memcpy(field, name.data(), name.size());  // CRASH
  out_.insert(out_.end(), field, field + sizeof field);
}

struct Member {
  uint32_t id;
  std::string name;
};

static size_t encode(const std::vector<Member>& members) {
  std::vector<uint8_t> out;
  WireWriter writer(out);
  for (const Member& member : members) {
    writer.put_u32(member.id);
    writer.put_name(member.name);
  }
  return out.size();
}

int main() {
  std::printf("%zu\n", encode({{1, "alice"}, {2, "bartholomew-maximilian-von-hohenstein"}}));
}
