#pragma once

struct option {
  const char *name;
  int (*apply)(int value);
};

struct option *collect_options(const struct option *builtin, int builtins,
                               const struct option *extra, int extras);
int apply_all(const struct option *options, int value);
