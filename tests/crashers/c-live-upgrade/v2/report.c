#include "v2/ledger.h"

long report_open_positions(const char* const* ibans, int count) {
  long open = 0;
  for (int i = 0; i < count; i++) {
    struct account* account = ledger_account(ibans[i]);
    if (account == 0) continue;
    if (account->limits->daily > account->balance) open++;  // CRASH
  }
  return open;
}
