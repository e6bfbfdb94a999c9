#include "v2/ledger.h"

long report_open_positions(const char* const* ibans, int count) {
  long open = 0;
  for (int i = 0; i < count; i++) {
    struct account* account = ledger_account(ibans[i]);
    if (account == 0) continue;
    long left = account->limits->daily - account->balance;  // CRASH
    open += left > 0;
  }
  return open;
}
