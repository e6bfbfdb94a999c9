# What is installed, and the .deb of it (`./dev package` runs cpack).
include(GNUInstallDirs)
set(man_dir ${PROJECT_BINARY_DIR}/man)
set(man_pages "")
file(GLOB man_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.1)
foreach(source IN LISTS man_sources)
  get_filename_component(page ${source} NAME)
  add_custom_command(OUTPUT ${man_dir}/${page}.gz DEPENDS ${source} VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${man_dir}
    COMMAND sh -c "gzip -9n <'${source}' >'${man_dir}/${page}.gz'")
  list(APPEND man_pages ${man_dir}/${page}.gz)
endforeach()
add_custom_target(man ALL DEPENDS ${man_pages})

# The handler: to link (header, libraries, pkg-config) and to preload, which is no library to link with and stands apart.
install(FILES include/inquest/handler.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/inquest)
install(TARGETS handler_static handler_shared
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS handler_preload LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/inquest)
# With the prefix that the files are installed under, which is not always the one of the build.
install(CODE "
  set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
  set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
  set(PROJECT_VERSION \"${PROJECT_VERSION}\")
  configure_file(\"${PROJECT_SOURCE_DIR}/packaging/inquest.pc.in\" \"${PROJECT_BINARY_DIR}/inquest.pc\" @ONLY)
  file(INSTALL \"${PROJECT_BINARY_DIR}/inquest.pc\"
       DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig\")")

install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
# Beside the program of the build as it is beside the installed one.
configure_file(share/inquest/known-issues.json ${PROJECT_BINARY_DIR}/share/inquest/known-issues.json COPYONLY)
install(FILES share/inquest/known-issues.json DESTINATION ${CMAKE_INSTALL_DATADIR}/inquest)
install(FILES packaging/completions/inquest.bash RENAME inquest
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES packaging/systemd/inquest-collect.service packaging/systemd/inquest-gc.service packaging/systemd/inquest-gc.timer
        DESTINATION lib/systemd/system)
install(FILES NOTICE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Debian wants the licence under this name.
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The Inquest authors <inquest@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "explains why a process died, from its core file")
set(CPACK_PACKAGE_DESCRIPTION
    "Inquest reads an ELF core and says who died, of what, where in the code,\nwhy as far as the evidence shows, how sure that is, and what to do next.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
# libcurl is loaded on first use, so the program does not name it.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libcurl4")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "gdb")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
