# Install rules: libraries, worker program, headers, CMake package, pkg-config file, manual pages.
# `cmake --install <build folder> --prefix <where>`. Component "runtime" is what programs need to run, "dev"
# what compiling needs besides; CFuturesPackage.cmake makes a package of each.
include(CMakePackageConfigHelpers)

set(cfutures_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cfutures)
install(TARGETS cfutures_shared cfutures_static EXPORT cfutures
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)

# The worker program finds the library from where it lies, too.
file(RELATIVE_PATH cfutures_libexec_to_lib
  ${CMAKE_INSTALL_FULL_LIBEXECDIR}/cfutures ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(cfutures_worker PROPERTIES INSTALL_RPATH "$ORIGIN/${cfutures_libexec_to_lib}")
install(TARGETS cfutures_worker
  RUNTIME DESTINATION ${CFUTURES_LIBEXEC_DIR} COMPONENT runtime)

install(FILES ${PROJECT_SOURCE_DIR}/include/cfutures.h ${PROJECT_SOURCE_DIR}/include/cfutures.hpp
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/cfutures
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev FILES_MATCHING PATTERN "*.hpp")

# The bindings, as sources: each language builds them with the programs that use them. `pkg-config
# --variable=bindings cfutures` says where they are.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/bindings/go ${PROJECT_SOURCE_DIR}/bindings/zig
  ${PROJECT_SOURCE_DIR}/bindings/ruby
  DESTINATION ${CMAKE_INSTALL_DATADIR}/cfutures/bindings COMPONENT dev
  PATTERN "test.sh" EXCLUDE PATTERN "expected" EXCLUDE PATTERN "*_test.go" EXCLUDE
  PATTERN "tests" EXCLUDE PATTERN "ruby/test" EXCLUDE PATTERN ".rubocop.yml" EXCLUDE)
# A gem takes along what lies in its own folder only.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE-MIT ${PROJECT_SOURCE_DIR}/LICENSE-APACHE
  DESTINATION ${CMAKE_INSTALL_DATADIR}/cfutures/bindings/ruby COMPONENT dev)

# The manual pages are generated and committed: man3 of each function, man7 of the whole.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/man/man3 ${PROJECT_SOURCE_DIR}/docs/man/man7
  DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT dev FILES_MATCHING PATTERN "*.[37]")

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE-MIT ${PROJECT_SOURCE_DIR}/LICENSE-APACHE
  ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)

install(EXPORT cfutures NAMESPACE cfutures:: FILE cfuturesTargets.cmake
  DESTINATION ${cfutures_package_dir} COMPONENT dev)
configure_package_config_file(cmake/cfuturesConfig.cmake.in
  ${PROJECT_BINARY_DIR}/package/cfuturesConfig.cmake INSTALL_DESTINATION ${cfutures_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/cfuturesConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/package/cfuturesConfig.cmake
  ${PROJECT_BINARY_DIR}/package/cfuturesConfigVersion.cmake
  DESTINATION ${cfutures_package_dir} COMPONENT dev)

# The pkg-config file finds its prefix from where it lies, so that an installed tree may be moved.
set(cfutures_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR}
    OR IS_ABSOLUTE ${CMAKE_INSTALL_DATADIR})
  set(cfutures_pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(cfutures_pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
  set(cfutures_pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  set(cfutures_pc_datadir ${CMAKE_INSTALL_FULL_DATADIR})
else()
  file(RELATIVE_PATH cfutures_pc_prefix /x/${cfutures_pc_dir} /x)
  string(REGEX REPLACE "/$" "" cfutures_pc_prefix "\${pcfiledir}/${cfutures_pc_prefix}")
  set(cfutures_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(cfutures_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
  set(cfutures_pc_datadir "\${prefix}/${CMAKE_INSTALL_DATADIR}")
endif()
list(TRANSFORM CFUTURES_SYSTEM_LIBS PREPEND -l OUTPUT_VARIABLE cfutures_pc_private)
list(JOIN cfutures_pc_private " " cfutures_pc_private)
configure_file(cmake/cfutures.pc.in ${PROJECT_BINARY_DIR}/package/cfutures.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/cfutures.pc
  DESTINATION ${cfutures_pc_dir} COMPONENT dev)

# Into a folder that the loader reads through its cache, a library is found only after ldconfig.
install(CODE [[
  if("$ENV{DESTDIR}" STREQUAL "" AND CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
    find_program(CFUTURES_LDCONFIG ldconfig PATHS /sbin /usr/sbin)
    if(CFUTURES_LDCONFIG)
      execute_process(COMMAND ${CFUTURES_LDCONFIG} RESULT_VARIABLE failed ERROR_QUIET)
    endif()
    if(failed OR NOT CFUTURES_LDCONFIG)
      message(STATUS "Run ldconfig as root, so that programs find libcfutures.so.")
    endif()
  endif()
]] COMPONENT runtime)
