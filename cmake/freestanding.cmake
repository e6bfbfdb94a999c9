# C that runs in a signal handler, or in a process of somebody else's: it needs no library.

# inquest_freestanding(<object library> <bytes>): how such objects are compiled. No frame may be larger than <bytes>, for
# programs give their handlers small stacks.
function(inquest_freestanding objects most_frame_bytes)
  target_include_directories(${objects} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_compile_definitions(${objects} PRIVATE _GNU_SOURCE)
  set_target_properties(${objects} PROPERTIES C_STANDARD 11 C_VISIBILITY_PRESET hidden)
  # The compiler must not call the C library (memcpy for a loop, a guard's failure, an outlined atomic), whatever the
  # preset says.
  target_compile_options(${objects} PRIVATE
    -O2 -ffreestanding -fno-builtin -fno-stack-protector $<$<NOT:$<BOOL:${INQUEST_FUZZ}>>:-fno-sanitize=all>
    "SHELL:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0" -Wframe-larger-than=${most_frame_bytes}
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=  # objects are shipped with their debug information
    $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},aarch64>:-mno-outline-atomics>)
endfunction()

# inquest_check_symbols(<name> <rules.toml>… <objects>…): nothing that allocates, locks or can be interposed gets into the
# signal handler. Makes the target <name>_symbols and the test <name>.symbols.
function(inquest_check_symbols name)
  set(checker ${PROJECT_SOURCE_DIR}/tools/check_symbols.py)
  set(stamp ${CMAKE_CURRENT_BINARY_DIR}/${name}_symbols.checked)
  set(command ${CMAKE_COMMAND} -E env NM=${CMAKE_NM} /usr/bin/python3 ${checker} ${ARGN})
  add_custom_command(OUTPUT ${stamp} VERBATIM COMMAND_EXPAND_LISTS DEPENDS ${checker} ${ARGN}
    COMMAND ${command}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp})
  add_custom_target(${name}_symbols DEPENDS ${stamp})
  if(NOT INQUEST_FUZZ)
    add_test(NAME ${name}.symbols COMMAND ${command} COMMAND_EXPAND_LISTS)
    set_tests_properties(${name}.symbols PROPERTIES LABELS fast)
  endif()
endfunction()
