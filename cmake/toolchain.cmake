# Warnings are errors, hardening is on, sanitizers come from the preset (INQUEST_SANITIZE).
option(INQUEST_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(INQUEST_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")

find_program(INQUEST_CCACHE ccache)
if(INQUEST_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 ${INQUEST_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

add_compile_options(
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
  $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  -Wno-missing-field-initializers  # designated initializers leave the defaults alone on purpose
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=
  -fno-omit-frame-pointer -fstack-protector-strong -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-fcf-protection)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 reports false positives of these from inside libstdc++ at -O2.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-dangling-pointer)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-deprecated-declarations)  # libstdc++ 12's stable_sort calls std::get_temporary_buffer
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(INQUEST_SANITIZE)
  add_compile_options(-fsanitize=${INQUEST_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${INQUEST_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(INQUEST_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
