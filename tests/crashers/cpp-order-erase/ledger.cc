#include "ledger.h"

#include <cstdio>

void Ledger::place(Account* account, long amount) {
  Order& order = open_.emplace_back();
  order.account = account;
  order.amount = amount;
  std::snprintf(order.memo, sizeof(order.memo), "order of %ld", amount);
  if (oldest_ == nullptr) oldest_ = &order;
}

__attribute__((noinline)) void Ledger::settle(long limit) {
  for (auto it = open_.begin(); it != open_.end();) {
    it = it->amount < limit ? open_.erase(it) : std::next(it);
  }
}

__attribute__((noinline)) long Ledger::audit() const {
  if (oldest_ == nullptr) return 0;
  long owed = oldest_->account->balance;  // CRASH
  return owed - oldest_->amount;  // CRASH-ALSO
}
