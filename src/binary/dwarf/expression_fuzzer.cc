// Arbitrary bytes as a DWARF expression, in a frame that answers everything with something.
#include "binary/dwarf/expression.h"

namespace {

class AnsweringFrame : public inquest::dwarf::ExpressionContext {
 public:
  explicit AnsweringFrame(inquest::ByteView callee) : callee_(callee) {}
  std::optional<uint64_t> dwarf_register(uint64_t number) const override {
    return number < 33 ? std::optional(number * 0x1111) : std::nullopt;
  }
  std::optional<uint64_t> memory(inquest::Address address, uint64_t size) const override {
    if (size == 0 || size > 8) __builtin_trap();
    return address.value ^ size;
  }
  std::optional<uint64_t> frame_base() const override { return 0x7ffd0000; }
  std::optional<inquest::Address> call_frame_cfa() const override {
    return inquest::Address(0x7ffd1000);
  }
  std::optional<uint64_t> tls_address(uint64_t offset) const override { return offset + 1; }
  std::optional<uint64_t> link_to_process(uint64_t link) const override {
    return link + 0x55550000;
  }
  std::optional<uint64_t> indexed_address(uint64_t index) const override { return index; }
  std::optional<inquest::ByteView> called_expression(uint64_t, bool) const override {
    return callee_;
  }
  std::optional<inquest::dwarf::BaseType> base_type(uint64_t offset) const override {
    return inquest::dwarf::BaseType{static_cast<inquest::dwarf::BaseType::Kind>(offset % 4),
                                    offset / 4 % 12};
  }

 private:
  inquest::ByteView callee_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const inquest::ByteView expression(data, size);
  const AnsweringFrame frame(expression);
  const auto result = inquest::dwarf::evaluate(expression, frame);
  if (result.location && result.location->pieces.size() > inquest::dwarf::kMaxExpressionSteps)
    __builtin_trap();
  (void)inquest::dwarf::evaluate_to_value(expression, frame, 0x1000);
  return 0;
}
