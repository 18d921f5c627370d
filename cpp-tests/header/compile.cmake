# cmake -DCOMPILER= -DFLAGS= -DINCLUDE= -DLIBRARY= -DPROGRAM= -P compile.cmake
# Compiles first.cpp, second.cpp and hostile.cpp without a warning, links them with the library and
# runs the program. Without PROGRAM: compiles every header as the only one of a file.
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
list(APPEND flags -Wall -Wextra -pedantic -Wshadow -Wundef -Wnon-virtual-dtor -Werror -I${INCLUDE})

if(NOT PROGRAM)
  file(GLOB headers RELATIVE ${INCLUDE} ${INCLUDE}/*.hpp ${INCLUDE}/cfutures/*.hpp)
  foreach(header IN LISTS headers)
    execute_process(
      COMMAND ${COMPILER} ${flags} -fsyntax-only -x c++ -include ${header} -include ${header} /dev/null
      RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
      message(FATAL_ERROR "<${header}> does not compile alone.")
    endif()
  endforeach()
  return()
endif()

get_filename_component(folder ${LIBRARY} DIRECTORY)
execute_process(
  COMMAND ${COMPILER} ${flags}
    ${CMAKE_CURRENT_LIST_DIR}/first.cpp ${CMAKE_CURRENT_LIST_DIR}/second.cpp
    ${CMAKE_CURRENT_LIST_DIR}/hostile.cpp
    ${LIBRARY} -pthread -Wl,-rpath,${folder} -o ${PROGRAM}
  RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "The headers do not compile cleanly with ${FLAGS}.")
endif()
execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${result}.")
endif()
