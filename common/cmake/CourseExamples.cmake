# The programs in examples/. Each is also a test, dayNN.Example.Name: it must
# print what stands in examples/name.expected. A shell script is given the path
# of libpool_malloc.so.
include_guard(GLOBAL)

set(COURSE_RUN_EXAMPLE "${CMAKE_CURRENT_LIST_DIR}/RunExample.cmake")

# pmr_arena -> PmrArena
function(course_camel_case name result)
  string(REPLACE "_" ";" words "${name}")
  foreach(word IN LISTS words)
    string(SUBSTRING "${word}" 0 1 first)
    string(SUBSTRING "${word}" 1 -1 rest)
    string(TOUPPER "${first}" first)
    string(APPEND camel "${first}${rest}")
  endforeach()
  set(${result} "${camel}" PARENT_SCOPE)
endfunction()

# What follows the name is the command.
function(course_example_test day name)
  course_camel_case(${name} case)
  add_test(
    NAME ${day}.Example.${case}
    COMMAND
      "${CMAKE_COMMAND}"
      "-DEXPECTED=${CMAKE_CURRENT_SOURCE_DIR}/examples/${name}.expected"
      -P "${COURSE_RUN_EXAMPLE}" -- ${ARGN})
  set_tests_properties(
    ${day}.Example.${case} PROPERTIES TIMEOUT 120 LABELS ${day})
endfunction()

function(course_day_examples day)
  file(GLOB examples CONFIGURE_DEPENDS examples/*.cc examples/*.c)
  foreach(source IN LISTS examples)
    get_filename_component(name "${source}" NAME_WE)
    course_with_threads(${day}_${name} kept "${source}")
    if(kept)
      add_executable(${day}_${name} "${source}")
      target_link_libraries(${day}_${name} PRIVATE course_options ${day})
      course_example_test(${day} ${name} $<TARGET_FILE:${day}_${name}>)
    endif()
  endforeach()
  if(NOT TARGET ${day}_malloc)
    return()
  endif()
  file(GLOB scripts CONFIGURE_DEPENDS examples/*.sh)
  foreach(script IN LISTS scripts)
    get_filename_component(name "${script}" NAME_WE)
    course_example_test(
      ${day} ${name} sh "${script}" $<TARGET_FILE:${day}_malloc>)
  endforeach()
endfunction()
