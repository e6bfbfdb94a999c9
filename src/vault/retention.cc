#include "vault/retention.h"

#include <algorithm>
#include <utility>

namespace inquest::vault {
namespace {

bool has_evidence(const Case& one) { return one.best_evidence() != nullptr; }

uint64_t stored_bytes(const Case& one) {
  uint64_t bytes = 0;
  for (const Attachment& attachment : one.attachments) {
    if (attachment.kept) bytes += attachment.stored;
  }
  return bytes;
}

Eviction eviction_of(const Case& one, bool heavy) {
  Eviction eviction{.id = one.id, .names = {}};
  for (const Attachment& attachment : one.attachments) {
    if (!attachment.kept || is_heavy(attachment.role) != heavy) continue;
    eviction.names.push_back(attachment.name);
    eviction.stored += attachment.stored;
  }
  return eviction;
}

struct Kind {
  std::vector<const Case*> cases;  // oldest first
  uint64_t stored = 0;
};

std::vector<Kind> kinds_of(std::span<const Case> cases) {
  std::map<std::string, Kind> by_group;
  for (const Case& one : cases) {
    Kind& kind = by_group[group_of(one.header)];
    kind.cases.push_back(&one);
    kind.stored += stored_bytes(one);
  }
  std::vector<Kind> kinds;
  for (auto& [group, kind] : by_group) kinds.push_back(std::move(kind));
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const Kind& a, const Kind& b) { return a.stored > b.stored; });
  return kinds;
}

}  // namespace

bool is_heavy(Role role) { return role == Role::kFull || role == Role::kFile; }

std::vector<Eviction> eviction_order(std::span<const Case> cases,
                                     const std::function<bool(const CaseId&)>& in_use) {
  std::vector<const Case*> middle, newest;
  for (const Kind& kind : kinds_of(cases)) {
    const auto first = std::find_if(kind.cases.begin(), kind.cases.end(),
                                    [](const Case* one) { return has_evidence(*one); });
    const auto last = std::find_if(kind.cases.rbegin(), kind.cases.rend(), [&](const Case* one) {
      return has_evidence(*one) && !in_use(one->id);
    });
    for (auto at = kind.cases.begin(); at != kind.cases.end(); ++at) {
      if (at == first || (*at)->pinned || in_use((*at)->id)) continue;
      const bool is_newest = last != kind.cases.rend() && *at == *last;
      (is_newest ? newest : middle).push_back(*at);
    }
  }
  std::vector<Eviction> order;
  for (const auto* step : {&middle, &newest}) {
    for (const bool heavy : {true, false}) {
      for (const Case* one : *step) {
        Eviction eviction = eviction_of(*one, heavy);
        if (!eviction.names.empty()) order.push_back(std::move(eviction));
      }
    }
  }
  return order;
}

std::vector<Eviction> expired(std::span<const Case> cases, int64_t before_ns,
                              const std::function<bool(const CaseId&)>& in_use) {
  std::vector<Eviction> old;
  for (const Case& one : cases) {
    if (one.header.time_ns >= before_ns || one.pinned || in_use(one.id)) continue;
    Eviction eviction{.id = one.id, .names = {}};
    for (const Attachment& attachment : one.attachments) {
      if (!attachment.kept || attachment.role != Role::kFull) continue;
      eviction.names.push_back(attachment.name);
      eviction.stored += attachment.stored;
    }
    if (!eviction.names.empty()) old.push_back(std::move(eviction));
  }
  return old;
}

std::map<std::string, std::vector<const Case*>> foldable_headers(
    std::span<const Case> cases, size_t newest, const std::function<bool(const CaseId&)>& in_use) {
  std::map<std::string, std::vector<const Case*>> groups;
  for (const Case& one : cases) groups[group_of(one.header)].push_back(&one);
  for (auto& [group, list] : groups) {
    const size_t last = list.size() - std::min(list.size(), newest);
    std::vector<const Case*> foldable;
    for (size_t i = kHeadersKeptFirst; i < last; ++i) {
      const bool has_some = std::any_of(list[i]->attachments.begin(), list[i]->attachments.end(),
                                        [](const Attachment& part) { return part.kept; });
      if (!has_some && !list[i]->pinned && !in_use(list[i]->id)) foldable.push_back(list[i]);
    }
    list = std::move(foldable);
  }
  std::erase_if(groups, [](const auto& group) { return group.second.empty(); });
  return groups;
}

}  // namespace inquest::vault
