# Registers the checks that `./run test` makes besides the C tests: one test each, with the label
# "check", so that one ctest run shows everything. What each does stands in checks.sh.
# Included by CMakeLists.txt when CFUTURES_CHECKS is on.

set(CFUTURES_VALGRIND_TREE ${PROJECT_SOURCE_DIR}/build/valgrind
  CACHE PATH "Build folder, configured with CFUTURES_VALGRIND, for the check \"valgrind\"")

function(cfutures_add_check name)
  add_test(NAME check.${name}
    COMMAND bash ${PROJECT_SOURCE_DIR}/cmake/checks.sh ${name} ${PROJECT_BINARY_DIR} ${ARGN}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(check.${name} PROPERTIES
    LABELS check TIMEOUT 1200 RUN_SERIAL ON ENVIRONMENT CFUTURES_CARGO=${CFUTURES_CARGO})
endfunction()

cfutures_add_check(fmt)
cfutures_add_check(clippy)
cfutures_add_check(rust)
cfutures_add_check(crash-points)
cfutures_add_check(random)
cfutures_add_check(fuzz)
cfutures_add_check(schedules)
cfutures_add_check(header)
cfutures_add_check(loom)
cfutures_add_check(abi)
cfutures_add_check(documented)
cfutures_add_check(size)
cfutures_add_check(panic)
cfutures_add_check(versions)
cfutures_add_check(system-libs ${CFUTURES_SYSTEM_LIBS})
cfutures_add_check(install)
cfutures_add_check(subdirectory)
cfutures_add_check(dist)
cfutures_add_check(docs)
cfutures_add_check(docs-examples)
cfutures_add_check(bench-report)
cfutures_add_check(reliability)
cfutures_add_check(dependencies)

# What it counts is built here: the benchmarks beside it may be off.
add_subdirectory(${PROJECT_SOURCE_DIR}/benches/instructions ${PROJECT_BINARY_DIR}/instructions)
cfutures_add_check(instructions)
set_tests_properties(check.instructions PROPERTIES SKIP_REGULAR_EXPRESSION "on x86_64 only")

cfutures_add_check(cpp-sanitizers)

# The tests of this tree again. ctest keeps its log in the folder that it runs in, so each of these
# runs has one of its own that refers to the tests.
function(cfutures_add_rerun name tree)
  set(folders "")
  foreach(folder IN ITEMS c-tests cpp-tests examples-c examples-cpp)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt)
      string(APPEND folders "subdirs(\"${tree}/${folder}\")\n")
    endif()
  endforeach()
  file(WRITE ${PROJECT_BINARY_DIR}/reruns/${name}/CTestTestfile.cmake "${folders}")
  cfutures_add_check(${name})
endfunction()

cfutures_add_rerun(repeat ${PROJECT_BINARY_DIR})
cfutures_add_rerun(one-cpu ${PROJECT_BINARY_DIR})
cfutures_add_rerun(valgrind ${CFUTURES_VALGRIND_TREE})
cfutures_add_rerun(old-kernel ${PROJECT_BINARY_DIR})
set_tests_properties(check.old-kernel PROPERTIES SKIP_REGULAR_EXPRESSION "no old kernel is played here")

# In trees of their own. A rustc that a distribution has packed may come without the sanitizers.
cfutures_add_check(tsan)
cfutures_add_check(asan)
set_tests_properties(check.tsan check.asan PROPERTIES
  SKIP_REGULAR_EXPRESSION "This rustc comes without")
