# What cpack makes of the two components: libcfutures0 and libcfutures-dev for Debian, and an archive of each
# that may be unpacked anywhere. Configured with the preset "package" (`./run package`), whose prefix is /usr.
# Included by CMakeLists.txt when this is the whole project; debian/finish.cmake adds what only Debian has.

set(CPACK_PACKAGE_NAME cfutures)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR cfutures)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each component has its own, the first line of its description
set(CPACK_RESOURCE_FILE_README ${PROJECT_SOURCE_DIR}/README.md)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE-MIT)
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian/finish.cmake)
set(CPACK_CFUTURES_SOURCE ${PROJECT_SOURCE_DIR})

# Of each component a file of its own.
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_ARCHIVE_RUNTIME_FILE_NAME cfutures-${PROJECT_VERSION}-${CMAKE_SYSTEM_PROCESSOR}-runtime)
set(CPACK_ARCHIVE_DEV_FILE_NAME cfutures-${PROJECT_VERSION}-${CMAKE_SYSTEM_PROCESSOR}-dev)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MULTIARCH same) # which CMake knows since 3.31
# As Debian's own tools find out who makes a package.
if(NOT "$ENV{DEBEMAIL}" STREQUAL "")
  set(CPACK_DEBIAN_PACKAGE_MAINTAINER "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
else()
  set(CPACK_DEBIAN_PACKAGE_MAINTAINER "cfutures authors <cfutures@localhost>")
endif()
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(about "It is Python's concurrent.futures as a C library: submit functions to a
pool of threads or of worker processes, get futures, and wait for one, some
or all of them. Tasks are plain functions, arguments and results are bytes.
A worker process that crashes fails its own task and no other.
.
")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libcfutures${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  ${PROJECT_BINARY_DIR}/package/shlibs ${PROJECT_BINARY_DIR}/package/triggers)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
  "pools of threads and of processes for C (library)\n${about}\
This package holds the shared library, and the program that worker
processes run.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libcfutures-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
  "libcfutures${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), libc6-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION
  "pools of threads and of processes for C (development files)\n${about}\
This package holds the headers for C and C++, the static library, manual
pages, and files for pkg-config and CMake.")

# Programs that are linked with the library need it in this version or a newer one: the minor version may
# have added functions. ldconfig runs once for all packages that are installed together.
set(needed "libcfutures${PROJECT_VERSION_MAJOR} (>= ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})")
file(WRITE ${PROJECT_BINARY_DIR}/package/shlibs "libcfutures ${PROJECT_VERSION_MAJOR} ${needed}\n")
file(WRITE ${PROJECT_BINARY_DIR}/package/triggers "activate-noawait ldconfig\n")

include(CPack)
