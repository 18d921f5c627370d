# cmake -DPROGRAM= -DKIND= -DTEST= -DEXPECTED= -P expect_failure.cmake
# Runs one test that must fail, and say so in these words (a regular expression).
execute_process(COMMAND ${PROGRAM} ${KIND} ${TEST}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "${TEST} passed:\n${output}")
endif()
if(NOT output MATCHES "${EXPECTED}")
  message(FATAL_ERROR "${TEST} failed (${result}), but not with '${EXPECTED}':\n${output}")
endif()
