// The fault that all the services are given: a member of an object that is not there.
struct price {
  char name[24];
  int cents;
};
struct article {
  int id;
  struct price* price;
};

__attribute__((noinline)) static int price_of(const struct article* article) {
  return article->price->cents;
}

__attribute__((noinline)) static int fault(void) {
  struct article article = {7, 0};
  return price_of(&article);
}
