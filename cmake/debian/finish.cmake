# Run by cpack after the components are staged and before they are packed (CFuturesPackage.cmake). A Debian
# package has its licence and its changes in a folder of its own name, compressed manual pages, no search path
# in programs, as the loader knows the folder of libraries, and is not moved. Archives are left as they are.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
find_program(gzip gzip REQUIRED)

file(GLOB stages LIST_DIRECTORIES true ${CPACK_TEMPORARY_DIRECTORY}/*)
foreach(stage IN LISTS stages)
  if(stage MATCHES "/runtime$")
    set(package ${CPACK_DEBIAN_RUNTIME_PACKAGE_NAME})
  elseif(stage MATCHES "/dev$")
    set(package ${CPACK_DEBIAN_DEV_PACKAGE_NAME})
  else()
    continue()
  endif()

  # Those of the component are for everybody else.
  file(REMOVE_RECURSE ${stage}/usr/share/doc)
  set(documents ${stage}/usr/share/doc/${package})
  file(MAKE_DIRECTORY ${documents})
  file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/copyright ${documents}/copyright)
  file(COPY_FILE ${CPACK_CFUTURES_SOURCE}/CHANGELOG.md ${documents}/changelog)
  # The day of the last change, so that the same sources give the same package.
  file(TIMESTAMP ${CPACK_CFUTURES_SOURCE}/CHANGELOG.md day "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE ${documents}/changelog.Debian
    "cfutures (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
    "  * Version ${CPACK_PACKAGE_VERSION}; what changed in it is in changelog.gz.\n\n"
    " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${day}\n")

  file(GLOB compressed ${documents}/changelog* ${stage}/usr/share/man/man*/*)
  if(compressed)
    execute_process(COMMAND ${gzip} -9nf ${compressed} COMMAND_ERROR_IS_FATAL ANY)
  endif()
  file(GLOB_RECURSE programs ${stage}/usr/*/cfutures-worker)
  foreach(program IN LISTS programs)
    file(RPATH_REMOVE FILE ${program})
  endforeach()
  # Where everybody looks, so that pkg-config can leave the folders out that compilers know.
  file(GLOB configurations ${stage}/usr/lib/*/pkgconfig/*.pc)
  foreach(configuration IN LISTS configurations)
    file(READ ${configuration} text)
    string(REGEX REPLACE "^prefix=[^\n]*" "prefix=/usr" text "${text}")
    file(WRITE ${configuration} "${text}")
  endforeach()
  file(GLOB_RECURSE everything LIST_DIRECTORIES true ${stage}/usr/share/*)
  foreach(path IN LISTS everything)
    if(IS_DIRECTORY ${path})
      file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
        WORLD_READ WORLD_EXECUTE)
    else()
      file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    endif()
  endforeach()
endforeach()
