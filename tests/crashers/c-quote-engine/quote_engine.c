#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pricing {
  double tick;
  double fee;
  int lots;
};

struct order {
  char symbol[16];
  char venue[8];
  long quantity;
  struct order* next;
  struct pricing* pricing;
};

struct book {
  struct order* head;
  struct pricing xetra;
  struct pricing euronext;
};

static struct pricing* venue_pricing(struct book* book, const char* venue) {
  if (strcmp(venue, "XETR") == 0) return &book->xetra;
  if (strcmp(venue, "XPAR") == 0) return &book->euronext;
  return NULL;
}

static void book_add(struct book* book, const char* line) {
  struct order* order = calloc(1, sizeof *order);
  if (order == NULL) exit(1);
  if (sscanf(line, "%15s %7s %ld", order->symbol, order->venue, &order->quantity) != 3) exit(1);
  order->pricing = venue_pricing(book, order->venue);
  order->next = book->head;
  book->head = order;
}

__attribute__((noinline)) static double price_order(const struct order* order, double last) {
  double gross = last * (double)order->quantity;
  return gross + order->pricing->fee * gross;  // CRASH
}

static double book_value(const struct book* book, double last) {
  double sum = 0;
  for (const struct order* order = book->head; order != NULL; order = order->next)
    sum += price_order(order, last);
  return sum;
}

int main(void) {
  struct book book = {.xetra = {0.01, 0.0004, 1}, .euronext = {0.05, 0.0007, 10}};
  book_add(&book, "SAP XETR 100");
  book_add(&book, "ASML XAMS 40");
  book_add(&book, "AIR XPAR 25");
  printf("value %.2f\n", book_value(&book, 121.5));
  return 0;
}
