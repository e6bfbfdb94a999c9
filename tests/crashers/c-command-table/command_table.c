#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
  char alias[16];
  int (*run)(const char* argument);
  int uses;
};

struct shell {
  struct command commands[8];
  int count;
};

static int run_status(const char* argument) { return (int)strlen(argument); }
static int run_reload(const char* argument) { return argument[0] == 'f'; }

static struct command* shell_command(struct shell* shell, int (*run)(const char* argument)) {
  struct command* command = &shell->commands[shell->count++];
  command->run = run;
  return command;
}

__attribute__((noinline)) static void command_alias(struct command* command, const char* alias) {
  char* out = command->alias;
  while (*alias != '\0') {
    __asm__("" : "+r"(out));
    *out++ = *alias++;
  }
}

__attribute__((noinline)) static int command_invoke(struct command* command, const char* argument) {
  command->uses++;
  int status = command->run(argument);  // CRASH
  return status == 0 ? command->uses : status;
}

static int shell_replay(struct shell* shell) {
  int status = 0;
  for (int i = 0; i < shell->count; i++) status += command_invoke(&shell->commands[i], "force");
  return status;
}

int main(void) {
  struct shell* shell = calloc(1, sizeof *shell);
  if (shell == NULL) return 1;
  command_alias(shell_command(shell, run_status), "status");
  command_alias(shell_command(shell, run_reload), "reload-configuration-now");
  printf("%d\n", shell_replay(shell));
  return 0;
}
