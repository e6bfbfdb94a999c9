/* The part of Node-API that we use, versions 1 to 3: in every Node since 10 and in Bun
 * (https://nodejs.org/api/n-api.html). Declared here so that the package is built without the
 * headers of any one Node. */
#ifndef INQUEST_BINDINGS_NODE_API_H
#define INQUEST_BINDINGS_NODE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct napi_env__* napi_env;
typedef struct napi_value__* napi_value;
typedef struct napi_ref__* napi_ref;
typedef struct napi_handle_scope__* napi_handle_scope;
typedef struct napi_callback_info__* napi_callback_info;
typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);

typedef int napi_status;    /* 0: napi_ok */
typedef int napi_valuetype; /* those below */
enum { napi_ok = 0, napi_undefined = 0, napi_string = 4, napi_object = 6, napi_function = 7 };
#define NAPI_AUTO_LENGTH SIZE_MAX

napi_status napi_call_function(napi_env env, napi_value receiver, napi_value function, size_t count,
                               const napi_value* arguments, napi_value* result);
napi_status napi_create_array(napi_env env, napi_value* result);
napi_status napi_create_double(napi_env env, double value, napi_value* result);
napi_status napi_create_error(napi_env env, napi_value code, napi_value message,
                              napi_value* result);
napi_status napi_create_function(napi_env env, const char* name, size_t length,
                                 napi_callback callback, void* data, napi_value* result);
napi_status napi_create_int32(napi_env env, int32_t value, napi_value* result);
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref* result);
napi_status napi_create_string_utf8(napi_env env, const char* text, size_t length,
                                    napi_value* result);
napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result);
napi_status napi_get_boolean(napi_env env, bool value, napi_value* result);
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count,
                             napi_value* arguments, napi_value* receiver, void** data);
napi_status napi_get_global(napi_env env, napi_value* result);
napi_status napi_get_named_property(napi_env env, napi_value object, const char* name,
                                    napi_value* result);
napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result);
napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t* result);
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* text, size_t size,
                                       size_t* length);
napi_status napi_run_script(napi_env env, napi_value script, napi_value* result);
napi_status napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value);
napi_status napi_set_named_property(napi_env env, napi_value object, const char* name,
                                    napi_value value);
napi_status napi_throw_error(napi_env env, const char* code, const char* message);
napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* result);
napi_status napi_open_handle_scope(napi_env env, napi_handle_scope* result);
napi_status napi_add_env_cleanup_hook(napi_env env, void (*function)(void*), void* argument);
napi_status napi_delete_reference(napi_env env, napi_ref reference);

#endif
