#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct instrument {
  char isin[16];
  int board;
  int rank;
};

struct quote {
  const struct instrument* instrument;
  double bid;
  double ask;
};

static struct instrument kInstruments[] = {
    {"DE0007164600", 1, 4}, {"FR0000120073", 2, 2}, {"NL0010273215", 3, 7}};

static const struct instrument* instrument_find(const char* isin) {
  for (size_t i = 0; i < sizeof kInstruments / sizeof kInstruments[0]; i++)
    if (strcmp(kInstruments[i].isin, isin) == 0) return &kInstruments[i];
  return NULL;
}

static int compare_quotes(const void* a, const void* b) {
  const struct quote* left = a;
  const struct quote* right = b;
  int l = left->instrument->rank;   // CRASH
  int r = right->instrument->rank;  // CRASH-ALSO
  return l < r ? -1 : l > r;        // CRASH-ALSO
}

static size_t load_quotes(struct quote* quotes, const char* const* lines, size_t count) {
  size_t loaded = 0;
  for (size_t i = 0; i < count; i++) {
    char isin[16];
    struct quote* quote = &quotes[loaded];
    if (sscanf(lines[i], "%15s %lf %lf", isin, &quote->bid, &quote->ask) != 3) continue;
    quote->instrument = instrument_find(isin);
    loaded++;
  }
  return loaded;
}

__attribute__((noinline)) static double best_spread(struct quote* quotes, size_t count) {
  qsort(quotes, count, sizeof *quotes, compare_quotes);
  return quotes[0].ask - quotes[0].bid;
}

int main(void) {
  static const char* const kLines[] = {"DE0007164600 121.1 121.2", "FR0000120073 160.0 160.4",
                                       "US0378331005 190.1 190.2", "NL0010273215 650.0 651.0"};
  struct quote* quotes = calloc(8, sizeof *quotes);
  if (quotes == NULL) return 1;
  size_t count = load_quotes(quotes, kLines, 4);
  printf("%f\n", best_spread(quotes, count));
  return 0;
}
