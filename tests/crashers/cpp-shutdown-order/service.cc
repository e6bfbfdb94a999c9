#include "service.h"

Service::Service()
    : logger_(std::make_unique<Logger>("[svc]")), journal_(std::make_unique<Journal>(*this)) {}

void Service::stop() {
  logger_.reset();
  journal_->flush();
  journal_.reset();
}
