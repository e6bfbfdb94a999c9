// Retention: which evidence goes first when there is no room. Pure.
//
// Cases are of one kind when group_of() says so. Of each kind the first case with evidence is never
// given up, nor one that is pinned or in use. In this order go: the full cores and files of what
// came between the first and the newest; its slim records, reports and logs; the full cores of the
// newest; its slim records. In each step the kind that takes most goes first, its oldest case
// first. Headers stay.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "vault/case.h"

namespace inquest::vault {

// Full cores, binaries and debug files: they go before what explains, and leave room for it.
bool is_heavy(Role role);

struct Eviction {
  CaseId id;
  std::vector<std::string> names;
  uint64_t stored = 0;  // bytes that these added to the vault
};

// `cases` oldest first. A case may stand in the answer twice: for its full core, then for the rest.
std::vector<Eviction> eviction_order(std::span<const Case> cases,
                                     const std::function<bool(const CaseId&)>& in_use);

// Full memory of cases of before `before_ns` (since the epoch), also of the first of a kind: it may
// hold secrets, and is not to be kept for ever. Not of those that are pinned or in use.
std::vector<Eviction> expired(std::span<const Case> cases, int64_t before_ns,
                              const std::function<bool(const CaseId&)>& in_use);

// Which headers become counts when there are too many: of each kind all but the first
// kHeadersKeptFirst and the `newest` last, as far as they have nothing kept, are not pinned and not
// in use.
inline constexpr size_t kHeadersKeptFirst = 10;
inline constexpr size_t kHeadersKeptLast = 500;  // fewer, when those are too many still
std::map<std::string, std::vector<const Case*>> foldable_headers(
    std::span<const Case> cases, size_t newest, const std::function<bool(const CaseId&)>& in_use);

}  // namespace inquest::vault
