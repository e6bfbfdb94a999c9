#pragma once
#include <list>

struct Account {
  long id;
  long balance;
};

struct Order {
  Account* account;
  long amount;
  char memo[48];
};

class Ledger {
 public:
  void place(Account* account, long amount);
  void settle(long limit);
  long audit() const;

 private:
  std::list<Order> open_;
  const Order* oldest_ = nullptr;
};
