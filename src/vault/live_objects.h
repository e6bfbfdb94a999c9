// LiveObjects: what the evidence that is kept is made of, while some of it is given up.
#pragma once

#include <unordered_map>
#include <vector>

#include "vault/case.h"
#include "vault/objects.h"

namespace inquest::vault {

class LiveObjects {
 public:
  // Reads the manifests of all evidence that is kept. An error when one cannot be read just now:
  // then nothing may be removed. `objects` must outlive it.
  static Result<LiveObjects> of(Objects& objects, const std::vector<Case>& cases);

  bool contains(const codec::Sha256Digest& id) const {
    return manifests_.contains(id) || pieces_.contains(id);
  }
  // A piece of evidence was given up: what only that needed is not live any more.
  void release(const codec::Sha256Digest& manifest);

 private:
  struct Use {
    uint64_t attachments = 0;
    bool is_damaged = false;  // its pieces are not known
  };
  explicit LiveObjects(Objects& objects) : objects_(&objects) {}
  Status add(const codec::Sha256Digest& manifest);

  Objects* objects_;
  std::unordered_map<codec::Sha256Digest, Use, DigestHash> manifests_;
  std::unordered_map<codec::Sha256Digest, uint64_t, DigestHash> pieces_;  // uses
};

}  // namespace inquest::vault
