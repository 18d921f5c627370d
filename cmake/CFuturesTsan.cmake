# ThreadSanitizer over the core and the C tests, when CFUTURES_TSAN is on. The run-time library is the
# one that comes with rustc, so that any C compiler which knows -fsanitize=thread will do; there are no
# suppressions. Sets what CFuturesCargo.cmake, CMakeLists.txt and c-tests use:
#
#   CFUTURES_TSAN_HOST         rustc's target, whose folder holds the core's archive
#   CFUTURES_TSAN_CARGO        environment for cargo
#   CFUTURES_TSAN_LINK         link line of a program
#   CFUTURES_TSAN_ENVIRONMENT  environment for a test

execute_process(COMMAND rustc --print sysroot OUTPUT_VARIABLE sysroot
  OUTPUT_STRIP_TRAILING_WHITESPACE WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
execute_process(COMMAND rustc -vV OUTPUT_VARIABLE version WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
string(REGEX REPLACE ".*\nhost: ([^\n]+)\n.*" "\\1" CFUTURES_TSAN_HOST "${version}")
set(runtime ${sysroot}/lib/rustlib/${CFUTURES_TSAN_HOST}/lib/librustc-stable_rt.tsan.a)
if(NOT EXISTS ${runtime})
  message(FATAL_ERROR "This rustc comes without the library of ThreadSanitizer: ${runtime}")
endif()

# Sanitizers are in stable compilers too, behind this switch. Link-time optimisation would only take time.
set(CFUTURES_TSAN_CARGO RUSTC_BOOTSTRAP=1 CARGO_PROFILE_RELWITHDEBINFO_LTO=off
  "RUSTFLAGS=-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer")
set(CFUTURES_TSAN_LINK -Wl,--whole-archive ${runtime} -Wl,--no-whole-archive -lm -ldl)

# Forked children go on, with threads of their own. Some processes of the suite "exit" end while workers
# run, and that is what they show; threads left behind by others are the harness's to find. Memory is
# measured as little as under valgrind: the sanitizer's own grows with the program's.
set(CFUTURES_TSAN_ENVIRONMENT
  TSAN_OPTIONS=die_after_fork=0:report_thread_leaks=0 CF_TEST_VALGRIND=1)
