# cmake -DINPUT= -DOUTPUT= -DCC= -DAR= -DNM= -DOBJCOPY= -DKEEP_DEBUG= -P pack-archive.cmake
# Makes the archive that users link, and from which the shared library is linked, out of the one that
# cargo wrote. Run by CFuturesCargo.cmake.
# - Embedded bitcode, on which older binutils plugins abort, goes, and so does debug information (most of
#   the size), unless KEEP_DEBUG.
# - The library's own handlers of panics and of missing memory (src/panic.rs) take the places of the
#   standard library's, unless KEEP_DEBUG; the linker then leaves out what only those use.
# - The objects become one, in which nothing but cf_* is global: a program may link a second Rust library
#   that holds the same names of Rust's standard library.
# OUTPUT appears when all of it is done: a step that fails leaves nothing that make would take for finished.

foreach(tool IN ITEMS CC AR NM OBJCOPY)
  if(NOT ${tool})
    message(FATAL_ERROR "cfutures: ${tool} is missing (binutils, and the C compiler).")
  endif()
endforeach()
set(object ${OUTPUT}.o)
set(archive ${OUTPUT}.tmp)

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# global_names(<variable> <file> <regular expression>): the names that a file defines for others.
function(global_names result file pattern)
  execute_process(COMMAND ${NM} --defined-only --extern-only --format=posix ${file}
    OUTPUT_VARIABLE lines ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+" lines "${lines}")
  list(TRANSFORM lines REPLACE " .*" "")
  list(FILTER lines INCLUDE REGEX "${pattern}")
  set(${result} ${lines} PARENT_SCOPE)
endfunction()

set(strip --strip-debug)
if(KEEP_DEBUG)
  set(strip "")
endif()
run(${OBJCOPY} ${strip} --remove-section=.llvmbc --remove-section=.llvmcmd ${INPUT} ${archive})

# replace(<regular expression> <name>): calls of a function of std, in whose name rustc puts a hash, are calls
# of the library's from here on. std's own is renamed as well, but weak, so that the other one counts.
function(replace pattern name)
  global_names(theirs ${archive} "${pattern}$")
  list(LENGTH theirs found)
  if(found EQUAL 1)
    run(${OBJCOPY} --weaken-symbol=${theirs} ${archive})
    run(${OBJCOPY} --redefine-sym ${theirs}=${name} ${archive})
  else()
    message(WARNING "cfutures: this rustc calls ${pattern} differently: the library is a third larger.")
  endif()
endfunction()

if(NOT KEEP_DEBUG)
  replace(rust_begin_unwind cfutures_begin_panic)
  replace(__rust_alloc_error_handler cfutures_no_memory)
endif()

# What counts lines for CFUTURES_INSTRUMENT=coverage has no caller: it begins by itself.
global_names(roots ${archive} "^(cf_|__llvm_profile_runtime$)")
list(TRANSFORM roots PREPEND "-Wl,-u,")
run(${CC} -r -nostdlib -o ${object} -Wl,--gc-sections ${roots}
  -Wl,--whole-archive ${archive} -Wl,--no-whole-archive)

# The references to the personality routine stand in groups, of which the linker keeps one for all objects
# of a program: they must stay visible.
global_names(keep ${object} "^(cf_|DW\\.ref\\.)")
list(JOIN keep "\n" keep)
file(WRITE ${OUTPUT}.keep "${keep}\n")
run(${OBJCOPY} --keep-global-symbols=${OUTPUT}.keep ${object})
file(REMOVE ${archive})
run(${AR} rcsD ${archive} ${object})
file(RENAME ${archive} ${OUTPUT})
file(REMOVE ${object} ${OUTPUT}.keep)
