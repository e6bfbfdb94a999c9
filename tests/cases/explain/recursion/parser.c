// A parser without a depth limit, on input that nests without end.
int depth;
int parse_term(const char *text);

__attribute__((noinline)) int parse_expr(const char *text) {
  volatile char scratch[48];
  scratch[0] = *text;
  return parse_term(text) + scratch[0];
}

__attribute__((noinline)) int parse_term(const char *text) {
  ++depth;
  return *text == '(' ? parse_expr(text) + 1 : 0;
}

void _start(void) {
  volatile int value = parse_expr("(");
  (void)value;
  for (;;) {
  }
}
