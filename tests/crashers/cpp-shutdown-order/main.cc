#include "service.h"

int main() {
  Service service;
  service.journal().append("started");
  service.journal().flush();
  service.journal().append("stopping");
  service.stop();
}
