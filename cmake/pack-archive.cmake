# cmake -DINPUT= -DOUTPUT= -DOBJCOPY= -DNM= -DKEEP_DEBUG= -P pack-archive.cmake
# Makes the archive that users link from the one that cargo wrote:
# - drops embedded bitcode, on which older binutils plugins abort, and debug information (most of
#   the size), unless KEEP_DEBUG;
# - makes the global names that link-time optimisation pulled out of Rust's standard library weak, so
#   that a program may link a second Rust library that holds the same ones.
# Run by the target cfutures_static (CFuturesLibraries.cmake).

if(NOT OBJCOPY OR NOT NM)
  message(WARNING "objcopy or nm is missing: libcfutures.a is left as cargo made it.")
  file(COPY_FILE ${INPUT} ${OUTPUT})
  return()
endif()

set(strip --strip-debug)
if(KEEP_DEBUG)
  set(strip "")
endif()
execute_process(
  COMMAND ${OBJCOPY} ${strip} --remove-section=.llvmbc --remove-section=.llvmcmd ${INPUT} ${OUTPUT}
  COMMAND_ERROR_IS_FATAL ANY)

# nm prints a block of lines for each object; the core's is the one that defines cf_version. Only
# names that this object defines are listed: objcopy makes references weak as well, and a weak
# reference to a name of some other object would not bring that object in.
execute_process(
  COMMAND ${NM} --defined-only --extern-only ${OUTPUT}
  OUTPUT_VARIABLE names ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n\n" ";" objects "${names}")
set(weak "")
foreach(object IN LISTS objects)
  if(object MATCHES " T cf_version(\n|$)")
    string(REGEX MATCHALL "[0-9a-f]+ [A-Z] [^\n]+" lines "${object}")
    list(TRANSFORM lines REPLACE "^[0-9a-f]+ [A-Z] " "")
    list(FILTER lines EXCLUDE REGEX "^cf_")
    list(APPEND weak ${lines})
  endif()
endforeach()
string(REPLACE ";" "\n" weak "${weak}")
file(WRITE ${OUTPUT}.weak "${weak}\n")
execute_process(COMMAND ${OBJCOPY} --weaken-symbols=${OUTPUT}.weak ${OUTPUT} COMMAND_ERROR_IS_FATAL ANY)
