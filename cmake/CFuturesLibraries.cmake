# Makes the libraries from the core's archive: cfutures::shared, cfutures::static, and
# cfutures::cfutures, which is one of them as BUILD_SHARED_LIBS says (shared when it says nothing).
# rustc cannot set a version script, hence the link here. And cfutures-worker, the program that the
# workers of a spawned pool run when the host's own program cannot serve.

function(cfutures_common target)
  add_dependencies(${target} cfutures_core)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # The flags of an outer project must not reach into the core: a sanitizer cannot see into it, and
  # its run-time library is missing when the shared library is linked with -z defs.
  target_compile_options(${target} PRIVATE -fno-sanitize=all -fno-lto)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME cfutures)
endfunction()

add_library(cfutures_shared SHARED ${PROJECT_SOURCE_DIR}/cmake/anchor.c)
cfutures_common(cfutures_shared)
set(cfutures_map ${PROJECT_SOURCE_DIR}/cmake/cfutures.map)
target_link_libraries(cfutures_shared PRIVATE
  -Wl,--whole-archive ${CFUTURES_CORE_ARCHIVE} -Wl,--no-whole-archive ${CFUTURES_SYSTEM_LIBS})
# nodelete: worker threads may still be returning from library code when a plugin that used it is
# unloaded.
target_link_options(cfutures_shared PRIVATE
  -fno-sanitize=all -fno-lto -Wl,--version-script=${cfutures_map}
  -Wl,--gc-sections -Wl,--as-needed
  -Wl,-z,defs -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now
  $<$<NOT:$<CONFIG:Debug,RelWithDebInfo>>:-Wl,--strip-debug>)
set_target_properties(cfutures_shared PROPERTIES
  EXPORT_NAME shared
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS "${cfutures_map};${CFUTURES_CORE_ARCHIVE}")
add_library(cfutures::shared ALIAS cfutures_shared)

# Beside the library in the build tree; where it is installed, CFuturesCargo.cmake says. The library
# looks in both places (src/processes/program.rs).
add_executable(cfutures_worker ${PROJECT_SOURCE_DIR}/src/cfutures-worker.c)
target_link_libraries(cfutures_worker PRIVATE cfutures_shared)
set_target_properties(cfutures_worker PROPERTIES
  OUTPUT_NAME cfutures-worker
  RUNTIME_OUTPUT_DIRECTORY $<TARGET_FILE_DIR:cfutures_shared>
  C_STANDARD 99 C_STANDARD_REQUIRED ON)

# A target of its own rather than an imported file, so that it can be installed and exported like
# any other library: what CMake archives (anchor.c) is then replaced by the core's archive.
add_library(cfutures_static STATIC ${PROJECT_SOURCE_DIR}/cmake/anchor.c)
cfutures_common(cfutures_static)
target_link_libraries(cfutures_static INTERFACE ${CFUTURES_SYSTEM_LIBS})
set_source_files_properties(${PROJECT_SOURCE_DIR}/cmake/anchor.c PROPERTIES
  OBJECT_DEPENDS ${CFUTURES_CORE_ARCHIVE})
add_custom_command(TARGET cfutures_static POST_BUILD
  COMMAND ${CMAKE_COMMAND} -E copy ${CFUTURES_CORE_ARCHIVE} $<TARGET_FILE:cfutures_static>
  VERBATIM)
set_target_properties(cfutures_static PROPERTIES EXPORT_NAME static)
add_library(cfutures::static ALIAS cfutures_static)

if(BUILD_SHARED_LIBS OR NOT DEFINED BUILD_SHARED_LIBS)
  add_library(cfutures::cfutures ALIAS cfutures_shared)
else()
  add_library(cfutures::cfutures ALIAS cfutures_static)
endif()

# The C++ interface: headers on top of cfutures::cfutures. They ask in which file a function lies.
add_library(cfutures_cpp INTERFACE)
target_link_libraries(cfutures_cpp INTERFACE cfutures::cfutures ${CMAKE_DL_LIBS})
target_compile_features(cfutures_cpp INTERFACE cxx_std_17)
add_library(cfutures::cpp ALIAS cfutures_cpp)
