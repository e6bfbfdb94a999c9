#include "process/heap/words.h"

namespace inquest::process {

std::optional<uint64_t> Words::reload(Address address) {
  const ByteView view = memory_.view(address, kStretch);
  if (view.size() < sizeof(uint64_t)) return memory_.load<uint64_t>(address);
  if (streaming_) {
    memory_.done_with(view_);
    memory_.will_scan(view);
  }
  start_ = address;
  view_ = view;
  return load<uint64_t>(view);
}

}  // namespace inquest::process
