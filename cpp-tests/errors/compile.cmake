# cmake -DCOMPILER= -DINCLUDE= -DCASE= -DEXPECTED= -P compile.cmake
# Compiles one case of errors.cpp, which must fail, and the first of at most two errors must contain
# EXPECTED; case 0 must compile. Messages are read, so they must not be translated.
set(ENV{LC_ALL} C)
execute_process(
  COMMAND ${COMPILER} -std=c++17 -fsyntax-only -DCASE=${CASE} -I${INCLUDE}
    ${CMAKE_CURRENT_LIST_DIR}/errors.cpp
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(CASE EQUAL 0)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "Case 0 does not compile:\n${output}")
  endif()
  return()
endif()
if(result EQUAL 0)
  message(FATAL_ERROR "Case ${CASE} compiles.")
endif()
string(REPLACE ";" "," output "${output}")
string(REGEX MATCHALL "error: [^\n]*" errors "${output}")
list(LENGTH errors count)
list(GET errors 0 first)
string(FIND "${first}" "${EXPECTED}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "The first error is not '${EXPECTED}':\n${output}")
endif()
if(count GREATER 2)
  message(FATAL_ERROR "${count} errors where one is to be read:\n${output}")
endif()
