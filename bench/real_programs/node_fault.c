// For node, an addon.
#include <node_api.h>

#include "fault.h"

static napi_value sell(napi_env env, napi_callback_info info) {
  napi_value result;
  (void)info;
  napi_create_int32(env, fault(), &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "sell", NAPI_AUTO_LENGTH, sell, NULL, &function);
  napi_set_named_property(env, exports, "sell", function);
  return exports;
}
