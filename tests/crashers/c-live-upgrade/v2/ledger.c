#include "ledger.h"

#include <stdlib.h>
#include <string.h>

struct account* ledger_account(const char* iban) {
  struct account* account = calloc(1, sizeof *account);
  if (account == NULL) return NULL;
  strncpy(account->iban, iban, sizeof account->iban - 1);
  account->balance = 125000;
  account->limits = calloc(1, sizeof *account->limits);
  return account;
}
