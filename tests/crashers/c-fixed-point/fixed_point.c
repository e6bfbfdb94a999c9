#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct posting {
  char account[16];
  int amount;
  int divisor;
};

struct ledger {
  struct posting postings[16];
  int count;
};

static void ledger_post(struct ledger* ledger, const char* line) {
  struct posting* posting = &ledger->postings[ledger->count];
  if (sscanf(line, "%15s %d %d", posting->account, &posting->amount, &posting->divisor) == 3)
    ledger->count++;
}

__attribute__((noinline)) static int scale_amount(int amount, int divisor) {
  if (divisor == 0) return 0;
  return amount / divisor;  // CRASH
}

static long ledger_balance(const struct ledger* ledger) {
  long balance = 0;
  for (int i = 0; i < ledger->count; i++) {
    const struct posting* posting = &ledger->postings[i];
    balance += scale_amount(posting->amount, posting->divisor);
  }
  return balance;
}

int main(void) {
  struct ledger* ledger = calloc(1, sizeof *ledger);
  if (ledger == NULL) return 1;
  ledger_post(ledger, "cash 125000 100");
  ledger_post(ledger, "fees -300 100");
  ledger_post(ledger, "reversal -2147483648 -1");
  printf("%ld\n", ledger_balance(ledger));
  return 0;
}
