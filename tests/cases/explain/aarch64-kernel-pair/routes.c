// A route without a gateway is chosen: pointer and metric are loaded as a pair.
struct gateway {
  long address;
  long load;
};
struct route {
  long prefix;
  long metric;
  struct gateway *gateway;
};

static struct route table[3] = {{10, 1, 0}, {20, 2, 0}, {30, 3, 0}};
static struct gateway first = {1, 50}, second = {2, 70};

__attribute__((noinline)) void attach(struct route *route, struct gateway *gateway) {
  __asm__ volatile("" ::: "memory");
  route->gateway = gateway;
}

__attribute__((noinline)) long cost(const struct route *route) {
  return route->metric * route->gateway->load;
}

__attribute__((noinline)) long cheapest(void) {
  long best = 1000;
  for (int i = 0; i < 3; ++i) {
    const long found = cost(&table[i]);
    if (found < best) best = found;
  }
  return best;
}

void _start(void) {
  attach(&table[0], &first);
  attach(&table[1], &second);
  volatile long best = cheapest();
  (void)best;
  for (;;) {
  }
}
