# cmake -DCOMPILER= -DLANGUAGE= -DSTANDARD= -DINCLUDE= -DLIBRARY= -DPROGRAM= -P compile.cmake
# Compiles first.c and second.c, in each of which the header comes before anything else, without a
# warning, links them with the library and runs the program.
get_filename_component(folder ${LIBRARY} DIRECTORY)
set(prototypes "")
if(LANGUAGE STREQUAL "c")
  set(prototypes -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)
endif()
execute_process(
  COMMAND ${COMPILER} -std=${STANDARD} -Wall -Wextra -pedantic -Wshadow -Wundef -Werror
    ${prototypes} -I${INCLUDE}
    -x ${LANGUAGE} ${CMAKE_CURRENT_LIST_DIR}/first.c ${CMAKE_CURRENT_LIST_DIR}/second.c
    -x none ${LIBRARY} -Wl,-rpath,${folder} -o ${PROGRAM}
  RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "The header does not compile cleanly as ${STANDARD}.")
endif()
execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${result}.")
endif()
