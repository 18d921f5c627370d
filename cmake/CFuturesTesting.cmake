# What tests and examples share. Included by CMakeLists.txt before their folders.
#
#   cfutures_strict(<target>...)   C99, all warnings, errors if CFUTURES_WERROR
#   CFUTURES_TEST_LAUNCHER         the command that runs a test program: valgrind, or nothing
#   CFUTURES_TEST_ENVIRONMENT      environment for every test

function(cfutures_strict)
  foreach(target IN LISTS ARGN)
    set_target_properties(${target} PROPERTIES
      C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE -Wall -Wextra -pedantic)
    if(CFUTURES_WERROR)
      target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(CFUTURES_VALGRIND)
      # valgrind 3.19 gives up on the DWARF 5 that clang 14 writes.
      target_compile_options(${target} PRIVATE -gdwarf-4)
    endif()
  endforeach()
endfunction()

set(CFUTURES_TEST_LAUNCHER "")
set(CFUTURES_TEST_ENVIRONMENT "")
if(CFUTURES_VALGRIND)
  find_program(CFUTURES_VALGRIND_PROGRAM valgrind REQUIRED)
  # A leaked byte fails the test, also one that is still reachable from nowhere but a lost pointer.
  # Fair scheduling: otherwise one busy thread may keep all others from running for seconds.
  set(CFUTURES_TEST_LAUNCHER
    ${CFUTURES_VALGRIND_PROGRAM} --quiet --error-exitcode=99 --leak-check=full
    --errors-for-leak-kinds=definite,indirect,possible --show-leak-kinds=definite,indirect,possible
    --fair-sched=yes --trace-children=no)
  # Each future a block of malloc, so that valgrind sees a use after its release.
  set(CFUTURES_TEST_ENVIRONMENT CFUTURES_PLAIN_ALLOC=1)
endif()
