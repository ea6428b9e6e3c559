# The shared libraries, from the day on that has a malloc (src/malloc.cc):
#   dayNN_shared  libpool.so          the façade, as in the static library
#   dayNN_malloc  libpool_malloc.so   also malloc's family and new and delete,
#                                     for LD_PRELOAD or to link with
# and the tests in tests/drop_in, whose malloc and new are ours.
#
# Not under a sanitizer: its runtime is a malloc of its own.
include_guard(GLOBAL)

# ${found} is true where the day has them.
function(course_has_shared found)
  set(${found} OFF PARENT_SCOPE)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/src/malloc.cc" AND NOT COURSE_SANITIZE)
    set(${found} ON PARENT_SCOPE)
  endif()
endfunction()

# A library that gives away the names in src/exports.map and no others.
function(course_shared_library target name)
  set(exports "${CMAKE_CURRENT_SOURCE_DIR}/src/exports.map")
  add_library(${target} SHARED ${ARGN})
  course_library_options(${target})
  set_target_properties(
    ${target} PROPERTIES OUTPUT_NAME ${name} VERSION ${COURSE_VERSION}
    SOVERSION ${COURSE_SOVERSION} LINK_DEPENDS "${exports}")
  target_link_options(
    ${target} PRIVATE
    "LINKER:--version-script=${exports}"
    # Our functions call ours, whatever a program has under the same names: one
    # with libpool.so, too, has two heaps, and a block goes home to its own. Only
    # operator new and delete may be a program's, and then our new[] calls it.
    LINKER:--dynamic-list-cpp-new
    LINKER:--as-needed
    # No name is left to be looked for later, within a call of malloc perhaps.
    LINKER:-z,defs LINKER:-z,now
    # It stays after a dlclose: threads and blocks of ours are still about.
    LINKER:-z,nodelete)
endfunction()

# Calls in the order of the file: the sources without malloc.cc and the like,
# compiled once.
function(course_day_shared day)
  course_has_shared(found)
  if(NOT found)
    return()
  endif()
  course_version(${day})
  add_library(${day}_objects OBJECT ${ARGN})
  course_library_options(${day}_objects)
  # initial-exec: a thread's cache is found without a call, which might allocate.
  # It takes a few bytes of those that the loader keeps for late libraries.
  set(position -fPIC -ftls-model=initial-exec)
  # No other function of the name comes in between: ours may be inlined.
  target_compile_options(
    ${day}_objects PRIVATE ${position} -fno-semantic-interposition)

  course_shared_library(${day}_shared pool $<TARGET_OBJECTS:${day}_objects>)
  set_target_properties(${day}_shared PROPERTIES LINKER_LANGUAGE CXX)
  set(in_place_of_libc src/malloc.cc src/new_delete.cc)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/src/malloc_info.cc")
    list(APPEND in_place_of_libc src/malloc_info.cc)
  endif()
  course_shared_library(
    ${day}_malloc pool_malloc ${in_place_of_libc}
    $<TARGET_OBJECTS:${day}_objects>)
  # Here one may: a program's own operator new serves our new[], too.
  target_compile_options(
    ${day}_malloc PRIVATE ${position} -fsemantic-interposition -fno-plt)
  # What the compiler needs for exceptions comes along, so that a program in C
  # need not load the C++ library: that would double the time of a short one.
  # (libpool.so would then give away that library's operator delete as its own.)
  target_link_options(
    ${day}_malloc PRIVATE -static-libstdc++ -static-libgcc
    # Its constructor comes before those of all other libraries (malloc.cc).
    LINKER:-z,initfirst)
  # Linked first, and also to a program that calls malloc only through other
  # libraries: with --as-needed it would be left out as unused.
  set(file "$<TARGET_FILE:$<TARGET_NAME:${day}_malloc>>")
  target_link_options(
    ${day}_malloc INTERFACE
    "LINKER:--push-state,--no-as-needed,${file},--pop-state")
endfunction()

# What such tests load and start, that knows nothing of us. `targets` are all.
function(course_day_outsiders day targets)
  file(GLOB libraries CONFIGURE_DEPENDS tests/drop_in/libraries/*.cc)
  foreach(source IN LISTS libraries)
    get_filename_component(name "${source}" NAME_WE)
    add_library(${day}_${name} MODULE "${source}")
    # Without the C++ library, where it is not used: that one allocates early.
    target_link_options(${day}_${name} PRIVATE LINKER:--as-needed)
    list(APPEND outsiders ${day}_${name})
  endforeach()
  file(GLOB programs CONFIGURE_DEPENDS
       tests/drop_in/programs/*.cc tests/drop_in/programs/*.c)
  foreach(source IN LISTS programs)
    get_filename_component(name "${source}" NAME_WE)
    add_executable(${day}_${name} "${source}")
    list(APPEND outsiders ${day}_${name})
  endforeach()
  foreach(target IN LISTS outsiders)
    string(REPLACE "${day}_" "" name ${target})
    target_link_libraries(${target} PRIVATE course_options ${CMAKE_DL_LIBS})
    set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name})
  endforeach()
  set(${targets} ${outsiders} PARENT_SCOPE)
endfunction()

# tests/drop_in/NAME.cc is a program whose malloc is ours. In COURSE_LIBRARY_DIR
# it finds NAME.so of tests/drop_in/libraries/NAME.cc, which it can dlopen, and
# NAME of tests/drop_in/programs/NAME.cc or NAME.c, which it can start.
function(course_day_drop_in_tests day)
  course_has_shared(found)
  if(NOT found)
    return()
  endif()
  course_day_outsiders(${day} outsiders)
  file(GLOB tests CONFIGURE_DEPENDS tests/drop_in/*.cc)
  foreach(source IN LISTS tests)
    get_filename_component(name "${source}" NAME_WE)
    course_test(${day}_${name} ${day} ${day}_malloc "${source}")
    target_compile_definitions(
      ${day}_${name} PRIVATE
      COURSE_LIBRARY_DIR="${CMAKE_CURRENT_BINARY_DIR}")
    target_link_libraries(${day}_${name} PRIVATE ${CMAKE_DL_LIBS})
    if(outsiders)
      add_dependencies(${day}_${name} ${outsiders})
    endif()
  endforeach()
endfunction()
