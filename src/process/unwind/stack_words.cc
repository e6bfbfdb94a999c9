#include "process/unwind/stack_words.h"

namespace inquest::process {
namespace {

// Views cost nothing, whatever their size: no page is touched.
constexpr uint64_t kViewSize = uint64_t{64} << 20;

}  // namespace

std::optional<uint64_t> StackWords::load_elsewhere(Address address) {
  // From the start of the page, so that words before this one are at hand too.
  for (const Address start : {address.page(), address}) {
    const ByteView view = memory_.view(start, kViewSize);
    const uint64_t offset = address - start;
    if (view.size() < 8 || offset > view.size() - 8) continue;
    start_ = start;
    view_ = view;
    return inquest::load<uint64_t>(view_, offset);
  }
  return memory_.load<uint64_t>(address);
}

}  // namespace inquest::process
