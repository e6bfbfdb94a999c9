#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ledger.h"

int main() {
  std::vector<Account> accounts = {{1, 5000}, {2, 120}, {3, 80}};
  Ledger ledger;
  for (Account& account : accounts) ledger.place(&account, account.balance / 2);
  std::printf("%ld\n", ledger.audit());
  ledger.settle(3000);
  std::vector<std::vector<unsigned char>> frames;
  for (int i = 0; i < 3; ++i) frames.emplace_back(80, 0xa5);
  std::printf("%ld\n", ledger.audit());
}
