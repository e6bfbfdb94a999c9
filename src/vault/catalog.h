// Catalog: which cases there are, from the records of the index. Applying the same records gives
// the same catalog; records that make no sense are counted and left out.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vault/case.h"
#include "vault/vault.h"

namespace inquest::vault {

inline constexpr size_t kMaxAttachments = 8192;  // of one case
inline constexpr size_t kMaxCases = 4'000'000;

class Catalog {
 public:
  // One payload of a frame. After the last of several, settle() is called. kCorrupt when it makes
  // no sense: then a case may lack what it was to bring.
  Status apply(std::string_view record);
  // Takes removed cases out.
  void settle();
  void clear() { *this = {}; }

  // Oldest first: in the order in which they began.
  const std::vector<Case>& cases() const { return cases_; }
  const Case* find(const CaseId& id) const;
  uint64_t senseless() const { return senseless_; }

  // The records that make this catalog again, without its history.
  std::vector<std::string> records() const;

 private:
  Status try_apply(std::string_view record);
  Case* find_for_update(const json::JsonValue& record);
  Status attach(Case& into, const json::JsonValue& record);

  std::vector<Case> cases_;
  std::map<CaseId, size_t, std::less<>> places_;  // in cases_
  uint64_t senseless_ = 0;
  bool any_removed_ = false;  // cases_ holds some without an id
};

// The records.
std::string begin_record(const CaseId& id, const CaseHeader& header);
std::string attach_record(const CaseId& id, std::span<const Attachment> attachments);
std::string update_record(const CaseId& id, const CaseUpdate& update);
std::string finish_record(const CaseId& id, State state);
std::string pin_record(const CaseId& id, bool pinned);
std::string remove_record(const CaseId& id);
// These attachments are given up, because of `why`.
std::string evict_record(const CaseId& id, std::span<const std::string> names,
                         std::string_view why);

}  // namespace inquest::vault
