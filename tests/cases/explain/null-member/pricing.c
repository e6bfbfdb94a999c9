// An order without a pricing model is quoted.
struct pricing {
  long base;
  char currency[8];
  double rate;
};
struct order {
  int id;
  int quantity;
  struct pricing *pricing;
};

static struct order book[2] = {{1, 5, 0}, {2, 7, 0}};

__attribute__((noinline)) double quote(const struct order *order) {
  return order->quantity * order->pricing->rate;
}

__attribute__((noinline)) double total(void) {
  double sum = 0;
  for (int i = 0; i < 2; ++i) sum += quote(&book[i]);
  return sum;
}

void _start(void) {
  volatile double sum = total();
  (void)sum;
  for (;;) {
  }
}
