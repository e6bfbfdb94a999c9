// What is imported: tar archives of any bytes. Names must stay inside, sizes must add up.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "vault/tar.h"

namespace {

class Checker final : public inquest::vault::TarVisitor {
 public:
  inquest::Status begin(const std::string& name, uint64_t size) override {
    INQ_CHECK(!name.empty() && name[0] != '/' && name.back() != '/');
    INQ_CHECK(("/" + name + "/").find("/../") == std::string::npos);
    INQ_CHECK(("/" + name + "/").find("//") == std::string::npos);
    INQ_CHECK(!open_ && name.find('\0') == std::string::npos);
    open_ = true;
    size_ = size;
    seen_ = 0;
    return {};
  }
  inquest::Status data(inquest::ByteView bytes) override { return add(bytes.size()); }
  inquest::Status hole(uint64_t size) override { return add(size); }
  inquest::Status end() override {
    INQ_CHECK(open_ && seen_ == size_);
    open_ = false;
    return {};
  }

 private:
  inquest::Status add(uint64_t size) {
    INQ_CHECK(open_ && size <= size_ - seen_);
    seen_ += size;
    return {};
  }

  bool open_ = false;
  uint64_t size_ = 0, seen_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Checker whole;
  inquest::vault::TarReader reader(whole);
  const inquest::ByteView bytes(data, size);
  // The first byte says in pieces of which size it comes: that must make no difference.
  const bool read = reader.feed(bytes.subspan(1)).ok() && reader.finish().ok();
  Checker parts;
  inquest::vault::TarReader again(parts);
  bool read_again = true;
  const size_t step = size_t{data[0]} + 1;
  for (size_t at = 1; at < size && read_again; at += step) {
    read_again = again.feed(bytes.subspan(at, std::min(step, size - at))).ok();
  }
  read_again = read_again && again.finish().ok();
  INQ_CHECK(read == read_again);
  return 0;
}
