# The core, and with a sanitizer the C tests too, compiled so that they are watched while they run, as
# CFUTURES_INSTRUMENT says:
#
#   thread    ThreadSanitizer
#   address   AddressSanitizer and LeakSanitizer; the C tests under UndefinedBehaviorSanitizer as well
#   coverage  counts how often each line and each branch of the core is run: tests/coverage
#
# The run-time library of a sanitizer is the one that comes with rustc, so that any C compiler which knows
# -fsanitize will do; there are no suppressions. Sets what CFuturesCargo.cmake, CMakeLists.txt and c-tests
# use:
#
#   CFUTURES_INSTRUMENT_HOST         rustc's target, whose folder holds the core's archive
#   CFUTURES_INSTRUMENT_CARGO        environment for cargo
#   CFUTURES_INSTRUMENT_COMPILE      options for the C tests
#   CFUTURES_INSTRUMENT_LINK         link line of a program
#   CFUTURES_INSTRUMENT_ENVIRONMENT  environment for a test

# What rustc has for it is in stable compilers too, behind this switch. Link-time optimisation would only
# take time.
set(CFUTURES_INSTRUMENT_CARGO RUSTC_BOOTSTRAP=1 CARGO_PROFILE_RELWITHDEBINFO_LTO=off)
set(CFUTURES_INSTRUMENT_COMPILE "")
set(CFUTURES_INSTRUMENT_LINK "")
set(CFUTURES_INSTRUMENT_ENVIRONMENT "")

execute_process(COMMAND rustc -vV OUTPUT_VARIABLE version WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
string(REGEX REPLACE ".*\nhost: ([^\n]+)\n.*" "\\1" CFUTURES_INSTRUMENT_HOST "${version}")

if(CFUTURES_INSTRUMENT STREQUAL "coverage")
  file(STRINGS ${PROJECT_SOURCE_DIR}/tests/coverage/rustflags flags REGEX "^-")
  list(JOIN flags " " flags)
  list(APPEND CFUTURES_INSTRUMENT_CARGO "RUSTFLAGS=${flags}")
  return()
endif()

set(short_thread tsan)
set(short_address asan)
execute_process(COMMAND rustc --print sysroot OUTPUT_VARIABLE sysroot
  OUTPUT_STRIP_TRAILING_WHITESPACE WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
string(CONCAT runtime ${sysroot}/lib/rustlib/${CFUTURES_INSTRUMENT_HOST}/lib/
  librustc-stable_rt.${short_${CFUTURES_INSTRUMENT}}.a)
if(NOT EXISTS ${runtime})
  message(FATAL_ERROR "This rustc comes without the library of the sanitizer: ${runtime}")
endif()

list(APPEND CFUTURES_INSTRUMENT_CARGO
  "RUSTFLAGS=-Zsanitizer=${CFUTURES_INSTRUMENT} -Cunsafe-allow-abi-mismatch=sanitizer")
set(CFUTURES_INSTRUMENT_COMPILE -fsanitize=${CFUTURES_INSTRUMENT})
set(CFUTURES_INSTRUMENT_LINK -Wl,--whole-archive ${runtime} -Wl,--no-whole-archive -lm -ldl)

# Memory is measured as little as under valgrind: the sanitizer's own grows with the program's.
set(CFUTURES_INSTRUMENT_ENVIRONMENT CF_TEST_VALGRIND=1)
if(CFUTURES_INSTRUMENT STREQUAL "thread")
  # Forked children go on, with threads of their own. Some processes of the suite "exit" end while workers
  # run, and that is what they show; threads left behind by others are the harness's to find. A task that
  # takes more memory than its worker may have is told so.
  list(APPEND CFUTURES_INSTRUMENT_ENVIRONMENT
    TSAN_OPTIONS=die_after_fork=0:report_thread_leaks=0:allocator_may_return_null=1)
else()
  list(TRANSFORM CFUTURES_INSTRUMENT_CARGO APPEND " -Cforce-frame-pointers=yes" REGEX "^RUSTFLAGS")
  list(APPEND CFUTURES_INSTRUMENT_COMPILE
    -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # Tasks that crash do so by their signals, and not at the sanitizer's pleasure. Each future is a block of
  # malloc, so that a use after its release is seen.
  list(APPEND CFUTURES_INSTRUMENT_ENVIRONMENT CFUTURES_PLAIN_ALLOC=1 UBSAN_OPTIONS=print_stacktrace=1
    LSAN_OPTIONS=exitcode=99
    ASAN_OPTIONS=handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:allocator_may_return_null=1)
endif()
