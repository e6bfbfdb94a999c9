#include "bindings/common/signals.h"

#include <signal.h>
#include <stddef.h>

const char* inq_signal_name(int signal_number) {
  switch (signal_number) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGILL:
      return "SIGILL";
    case SIGFPE:
      return "SIGFPE";
    case SIGTRAP:
      return "SIGTRAP";
    case SIGSYS:
      return "SIGSYS";
    case SIGABRT:
      return "SIGABRT";
    case SIGXCPU:
      return "SIGXCPU";
    case SIGXFSZ:
      return "SIGXFSZ";
    default:
      return "a signal";
  }
}

static const struct {
  int signal_number, code;
  const char* words;
} kCodes[] = {
    {SIGSEGV, 1, "SEGV_MAPERR: nothing is mapped at the address"},
    {SIGSEGV, 2, "SEGV_ACCERR: the address is mapped, but not for such an access"},
    {SIGSEGV, 4, "SEGV_PKUERR: refused by a memory protection key"},
    {SIGSEGV, 128, "an address that no program can have; the processor does not say which"},
    {SIGBUS, 1, "BUS_ADRALN: the address is not aligned"},
    {SIGBUS, 2, "BUS_ADRERR: the file or device behind the address has nothing there"},
    {SIGBUS, 4, "BUS_MCEERR_AR: the memory is broken"},
    {SIGBUS, 5, "BUS_MCEERR_AO: the memory is broken"},
    {SIGILL, 1, "ILL_ILLOPC: no such instruction"},
    {SIGILL, 2, "ILL_ILLOPN: no such instruction (a trap that a compiler or program put there)"},
    {SIGFPE, 1, "FPE_INTDIV: division of a whole number by zero"},
    {SIGFPE, 2, "FPE_INTOVF: overflow in a division of whole numbers"},
    {SIGFPE, 3, "FPE_FLTDIV: floating-point division by zero"},
};

const char* inq_code_words(int signal_number, int code) {
  for (size_t i = 0; i < sizeof kCodes / sizeof *kCodes; ++i) {
    if (kCodes[i].signal_number == signal_number && kCodes[i].code == code) return kCodes[i].words;
  }
  return NULL;
}
