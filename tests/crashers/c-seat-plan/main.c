// Bookings of seats in halls. A hall's plan is shared by its bookings.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
  int seats, price;
};
struct plan {
  struct row *rows;
  int row_count;
  uintptr_t seal;
};
struct booking {
  struct plan *plan;
  int row, seats;
};

static struct plan *plan_open(int rows) {
  struct plan *plan = malloc(sizeof *plan);
  if (plan == NULL) exit(2);
  plan->rows = calloc((size_t)rows, sizeof *plan->rows);
  if (plan->rows == NULL) exit(2);
  plan->row_count = rows;
  plan->seal = 0x5eed000000000000u;
  for (int i = 0; i < rows; ++i) plan->rows[i] = (struct row){.seats = 20, .price = 1200 + i};
  return plan;
}

// Nobody may read a plan that was closed: its table is sealed.
__attribute__((noinline)) static void plan_close(struct plan *plan) {
  struct row *rows = plan->rows;
  plan->rows = (struct row *)((uintptr_t)rows ^ plan->seal);
  free(rows);
  free(plan);
}

__attribute__((noinline)) static int booking_price(const struct booking *booking) {
  const struct plan *plan = booking->plan;
  return plan->rows[booking->row].price * booking->seats;  // CRASH
}

int main(int argc, char **argv) {
  struct plan *halls[6];
  struct booking bookings[6];
  (void)argv;
  for (int i = 0; i < 6; ++i) {
    halls[i] = plan_open(10 + i);
    bookings[i] = (struct booking){halls[i], i + argc, 2};
  }
  plan_close(halls[3]);
  int total = 0;
  for (int i = 0; i < 6; ++i) total += booking_price(&bookings[i]);
  printf("%d\n", total);
  return 0;
}
