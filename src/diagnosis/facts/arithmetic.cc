#include "diagnosis/facts/arithmetic.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::diagnosis {
namespace {

// Linux writes XCR0 into the software-reserved bytes of the FXSAVE area (struct user_xstateregs:
// offset 464).
constexpr uint64_t kXcr0Offset = 464;
constexpr uint64_t kXcr0Avx = 1u << 2;
constexpr uint64_t kXcr0Avx512 = 0xe0;
constexpr uint64_t kXcr0Amx = 3u << 17;
constexpr uint64_t kAtHwcap = 16;

struct ArmFeature {
  const char* name;
  unsigned bit;  // of AT_HWCAP
};
constexpr ArmFeature kArmFeatures[] = {{"AES", 3},      {"PMULL", 4},   {"SHA1", 5},  {"SHA2", 6},
                                       {"CRC32", 7},    {"LSE", 8},     {"FP16", 9},  {"RDM", 12},
                                       {"JSCVT", 13},   {"LRCPC", 15},  {"SHA3", 17}, {"SM4", 19},
                                       {"DOTPROD", 20}, {"SHA512", 21}, {"SVE", 22}};

uint64_t low_bits(uint64_t value, unsigned bits) {
  return bits >= 64 ? value : value & ((uint64_t{1} << bits) - 1);
}

uint64_t sign_extend(uint64_t value, unsigned bits) {
  if (bits == 0 || bits >= 64) return value;
  const uint64_t sign = uint64_t{1} << (bits - 1);
  return (low_bits(value, bits) ^ sign) - sign;
}

std::optional<uint64_t> read_divisor(const Site& site, const isa::Instruction& instruction) {
  if (instruction.divisor_register) return site.registers().get(*instruction.divisor_register);
  if (instruction.memory.empty()) return std::nullopt;
  const auto address =
      instruction.memory[0].effective_address(site.registers(), instruction.next_pc());
  if (!address) return std::nullopt;
  uint64_t value = 0;
  const uint64_t size = std::min<uint64_t>(instruction.divisor_bits / 8, sizeof value);
  const auto got = site.modules.memory().read(*address, {reinterpret_cast<uint8_t*>(&value), size});
  return got.size == size ? std::optional(value) : std::nullopt;
}

std::string divisor_expression(const Site& site, const isa::Instruction& instruction) {
  if (site.variables == nullptr) return {};
  if (instruction.divisor_register) {
    const auto found =
        site.variables->explain_register(site.stack, site.frame, *instruction.divisor_register);
    return found ? found->text : std::string();
  }
  const process::OperandExplanation found =
      site.variables->explain_operand(site.stack, site.frame, 0);
  if (!found.access.empty()) return found.access;
  if (found.pointer && found.member) return found.pointer->text + "->" + found.member->member;
  return {};
}

}  // namespace

void describe_division(const Site& site, const isa::Instruction& instruction, FaultFacts& fault) {
  if (!instruction.divides) return;
  fault.kind = "divide";
  const unsigned bits = instruction.divisor_bits;
  const bool is_signed = instruction.mnemonic == "idiv";
  if (const auto divisor = read_divisor(site, instruction)) {
    fault.divisor = is_signed ? sign_extend(*divisor, bits) : low_bits(*divisor, bits);
  }
  // Eight-bit divisions take AX, all others take the high half from DX.
  if (const auto low = site.registers().get(isa::x86::kRax)) {
    fault.dividend_low = low_bits(*low, bits == 8 ? 16 : bits);
  }
  const auto high = site.registers().get(isa::x86::kRdx);
  if (high && bits != 8) fault.dividend_high = low_bits(*high, bits);
  fault.divisor_expression = divisor_expression(site, instruction);
}

std::optional<uint64_t> enabled_features(ByteView xsave_area) {
  const auto value = load<uint64_t>(xsave_area, kXcr0Offset);
  // x87 state is always enabled; without it this is no XSAVE area.
  return value && (*value & 1) != 0 ? value : std::nullopt;
}

void describe_missing_feature(const Site& site, FaultFacts& fault) {
  const std::string& feature = fault.needs_feature;
  if (feature.empty()) return;
  if (site.arch() == isa::Arch::kAArch64) {
    const auto hwcap = site.image.auxv.find(kAtHwcap);
    if (hwcap == site.image.auxv.end()) return;
    for (const ArmFeature& known : kArmFeatures) {
      if (feature != known.name || (hwcap->second >> known.bit & 1) == 0) continue;
      fault.inconsistencies.push_back(
          fmt::format("the processor had {} (AT_HWCAP = {}), so that is not why", feature,
                      to_hex(hwcap->second)));
    }
    return;
  }
  const auto xcr0 = enabled_features(site.image.threads[site.thread].vector_state);
  if (!xcr0) return;
  const uint64_t mask = feature.starts_with("AVX512")                              ? kXcr0Avx512
                        : feature.starts_with("AMX")                               ? kXcr0Amx
                        : feature.starts_with("AVX") || feature.starts_with("FMA") ? kXcr0Avx
                                                                                   : 0;
  if (mask == 0 || (*xcr0 & mask) == mask) return;
  fault.needs_feature =
      fmt::format("{} (whose registers were not enabled: XCR0 = {})", feature, to_hex(*xcr0));
}

}  // namespace inquest::diagnosis
