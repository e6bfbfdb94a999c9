#include "ledger.h"

#include <stdlib.h>
#include <string.h>

struct account* ledger_account(const char* iban) {
  struct account* account = calloc(1, sizeof *account);
  if (account == NULL) return NULL;
  strncpy(account->iban, iban, sizeof account->iban - 1);
  account->balance = 125000;
  account->checksum = 0x9e3779b97f4a7c15u;
  for (const char* at = iban; *at != '\0'; at++) account->checksum ^= (unsigned char)*at;
  return account;
}
