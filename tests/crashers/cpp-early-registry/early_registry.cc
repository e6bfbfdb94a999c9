#include "registry.h"

namespace {

int refresh_cache(int generation) { return generation * 2; }

const Registration kCache("cache", refresh_cache);

}  // namespace

int main(int argc, char**) { return Registry::instance().run("cache", argc) > 0 ? 0 : 1; }
