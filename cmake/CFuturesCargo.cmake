# Compiles the Rust core. Makes: the file ${CFUTURES_CORE_ARCHIVE}, out of which both libraries are made,
# the target cfutures_core that builds it, and ${CFUTURES_SYSTEM_LIBS}, what a program that links the archive
# needs besides.
# Used by CFuturesLibraries.cmake.

find_program(CFUTURES_CARGO cargo HINTS $ENV{CARGO_HOME}/bin $ENV{HOME}/.cargo/bin
             DOC "The cargo that builds the core")
if(NOT CFUTURES_CARGO)
  message(FATAL_ERROR "cargo was not found. Install Rust (https://rustup.rs, or your distribution's "
                      "cargo if it is new enough), or set CFUTURES_CARGO to its path.")
endif()

# Several configurations in one tree share one core: the Rust side has no settings that differ.
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(cfutures_profile dev)
  set(cfutures_profile_folder debug)
  set(cfutures_keep_debug ON)
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  set(cfutures_profile relwithdebinfo)
  set(cfutures_profile_folder relwithdebinfo)
  set(cfutures_keep_debug ON)
else()
  set(cfutures_profile release)
  set(cfutures_profile_folder release)
  set(cfutures_keep_debug OFF)
endif()

set(cfutures_target_folder ${PROJECT_BINARY_DIR}/cargo)
# Where cfutures-worker is installed. An installed tree may be moved: the library looks first in places
# relative to its own.
set(CFUTURES_LIBEXEC_DIR ${CMAKE_INSTALL_LIBEXECDIR}/cfutures)
set(cfutures_full_libexec ${CMAKE_INSTALL_FULL_LIBEXECDIR}/cfutures)
separate_arguments(cfutures_cargo_flags UNIX_COMMAND "${CFUTURES_CARGO_FLAGS}")
if(CFUTURES_INSTRUMENT)
  list(APPEND cfutures_cargo_flags --target ${CFUTURES_INSTRUMENT_HOST})
  set(cfutures_profile_folder ${CFUTURES_INSTRUMENT_HOST}/${cfutures_profile_folder})
endif()
set(cfutures_cargo_archive ${cfutures_target_folder}/${cfutures_profile_folder}/libcfutures.a)

# `cargo rustc --crate-type` and not `cargo build`: together with an rlib, cargo leaves link-time
# optimisation out, and its list of sources (.d) names the rlib instead of the archive.
# The variables that are unset would change flags, or where the files are put.
add_custom_command(
  OUTPUT ${cfutures_cargo_archive}
  COMMAND
    ${CMAKE_COMMAND} -E env
    --unset=RUSTFLAGS --unset=CARGO_ENCODED_RUSTFLAGS --unset=CARGO_BUILD_RUSTFLAGS
    --unset=CARGO_BUILD_TARGET --unset=CARGO_BUILD_DEP_INFO_BASEDIR --unset=CARGO_TARGET_DIR
    ${CFUTURES_INSTRUMENT_CARGO}
    CFUTURES_LIBEXEC=${cfutures_full_libexec}
    ${CFUTURES_CARGO} rustc --quiet --locked --lib --crate-type staticlib --features panic-entry
    --profile ${cfutures_profile} --target-dir ${cfutures_target_folder} ${cfutures_cargo_flags}
  DEPENDS ${PROJECT_SOURCE_DIR}/Cargo.toml ${PROJECT_SOURCE_DIR}/Cargo.lock
  DEPFILE ${cfutures_target_folder}/${cfutures_profile_folder}/libcfutures.d
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  COMMENT "Compiling the core of cfutures (cargo, profile ${cfutures_profile})"
  VERBATIM)

# As it is released.
set(CFUTURES_CORE_ARCHIVE ${cfutures_target_folder}/libcfutures-core.a)
add_custom_command(
  OUTPUT ${CFUTURES_CORE_ARCHIVE}
  COMMAND ${CMAKE_COMMAND}
    -DINPUT=${cfutures_cargo_archive} -DOUTPUT=${CFUTURES_CORE_ARCHIVE}
    -DCC=${CMAKE_C_COMPILER} -DAR=${CMAKE_AR} -DNM=${CMAKE_NM} -DOBJCOPY=${CMAKE_OBJCOPY}
    -DKEEP_DEBUG=${cfutures_keep_debug} -P ${PROJECT_SOURCE_DIR}/cmake/pack-archive.cmake
  DEPENDS ${cfutures_cargo_archive} ${PROJECT_SOURCE_DIR}/cmake/pack-archive.cmake
  VERBATIM)
add_custom_target(cfutures_core DEPENDS ${CFUTURES_CORE_ARCHIVE})

# `rustc --print native-static-libs` less -lgcc_s and -lc: the compiler driver adds both by itself,
# and an explicit -lgcc_s would break fully static programs. A check compares the list.
set(CFUTURES_SYSTEM_LIBS util rt pthread m dl)
