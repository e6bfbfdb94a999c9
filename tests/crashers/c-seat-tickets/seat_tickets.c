#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct level {
  int cents;
  int points;
};

struct tariff {
  const char* name;
  const struct level* level;
};

struct ticket {
  const struct tariff* tariff;
  char code[56];
  int until;
};

struct seat {
  struct ticket* ticket;
  int row;
};

static const struct level kBasic = {900, 9}, kNight = {400, 4};
static const struct tariff kDay = {"day", &kBasic}, kLate = {"late", &kNight};

static struct ticket* issue(int number, int until) {
  struct ticket* ticket = malloc(sizeof *ticket);
  if (ticket == NULL) exit(1);
  ticket->tariff = number % 2 ? &kDay : &kLate;
  snprintf(ticket->code, sizeof ticket->code, "TICKET-%06d-SEAT-%03d", number, number % 200);
  ticket->until = until;
  return ticket;
}

__attribute__((noinline)) static int expire(struct seat* seats, int count, int now) {
  int expired = 0;
  for (int i = 0; i < count; i++) {
    if (seats[i].ticket->until > now) continue;
    free(seats[i].ticket);
    expired++;
  }
  return expired;
}

__attribute__((noinline)) static int seat_price(const struct seat* seat) {
  const struct tariff* tariff = seat->ticket->tariff;
  int cents = tariff->level->cents;  // CRASH
  return tariff->name != NULL ? cents + seat->row : cents;
}

int main(void) {
  enum { kSeats = 400 };
  static struct seat seats[kSeats];
  for (int i = 0; i < kSeats; i++) {
    seats[i].ticket = issue(4000 + i, i * 10);
    seats[i].row = i / 20;
  }
  int expired = expire(seats, kSeats, 2995);
  int sum = 0;
  for (int i = kSeats - 1; i > 0; i--) sum += seat_price(&seats[i]);
  printf("%d expired, %d\n", expired, sum);
  return 0;
}
