#pragma once

struct account {
  char iban[24];
  long balance;
  unsigned long checksum;
};

struct account* ledger_account(const char* iban);
