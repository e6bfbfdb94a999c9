// The index: frames of any bytes, and records of any text, which must say the same when written
// anew.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "vault/catalog.h"
#include "vault/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest::vault;
  const inquest::ByteView bytes(data, size);
  const FrameScan scan = scan_frames(bytes, kIndexHeaderBytes, [](std::string_view) {});
  INQ_CHECK(scan.end >= kIndexHeaderBytes && scan.end <= kIndexHeaderBytes + size);
  INQ_CHECK(scan.damaged <= scan.end);

  // A line a record.
  Catalog catalog;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  inquest::Bytes framed;
  size_t records = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    (void)catalog.apply(text.substr(0, end)).ok();
    append_frame(framed, text.substr(0, end), framed.size());
    text.remove_prefix(std::min(end + 1, text.size()));
    ++records;
  }
  catalog.settle();
  size_t found = 0;
  const FrameScan again = scan_frames(framed, 0, [&](std::string_view) { ++found; });
  INQ_CHECK(found == records && again.damaged == 0 && again.end == framed.size());

  Catalog copy;
  const auto compact = catalog.records();
  for (const std::string& record : compact) INQ_CHECK(copy.apply(record).ok());
  copy.settle();
  INQ_CHECK(copy.senseless() == 0);
  INQ_CHECK(copy.records() == compact);
  for (const Case& one : copy.cases()) {
    INQ_CHECK(is_case_id(one.id));
    // Any header is one that can be read once it is clamped.
    CaseHeader header = one.header;
    header.command_line.assign(reinterpret_cast<const char*>(data), size);
    for (const bool tight : {false, true}) {
      clamp(header, tight);
      Catalog other;
      INQ_CHECK(other.apply(begin_record(one.id, header)).ok());
      INQ_CHECK(other.cases().front().header == header);
    }
  }
  return 0;
}
