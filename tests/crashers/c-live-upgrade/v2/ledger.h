#pragma once

struct limits {
  long daily;
  long single;
};

struct account {
  char iban[24];
  long balance;
  struct limits* limits;
  unsigned long checksum;
};

struct account* ledger_account(const char* iban);
