# A day that a learner writes: the day's own targets, from a folder of any name,
# where bodies may be missing yet (common/starters/yours_to_write.h).
include_guard(GLOBAL)

set(COURSE_READY_OBJECTS "" CACHE FILEPATH
    "Lines TARGET|SOURCE|OBJECT: objects that need not be compiled again")

# Where a body is missing, what it would use is unused: that is no mistake. And
# what the compiler would prove with a constexpr function cannot be proven.
function(course_allow_unwritten)
  target_compile_options(
    course_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include ${CMAKE_CURRENT_SOURCE_DIR}/include/pool/yours_to_write.h>"
    -Wno-unused-parameter -Wno-unused-variable -Wno-unused-function
    -Wno-unused-const-variable)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(
      course_options INTERFACE -Wno-invalid-constexpr -Wno-unused-private-field)
  else()
    target_compile_options(
      course_options INTERFACE
      "$<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-attributes>")
  endif()
  file(GLOB files include/pool/*.h src/*.cc)
  # An editor's lock (.#pool.cc) is a link to nowhere.
  list(FILTER files EXCLUDE REGEX "/(yours_to_write)?\\.[^/]*$")
  foreach(file IN LISTS files)
    file(READ "${file}" text)
    string(REGEX MATCH "constexpr [^;{}]*{[ \n]*::pool::YoursToWrite" found "${text}")
    if(found)
      target_compile_options(
        course_options INTERFACE
        "$<$<COMPILE_LANGUAGE:CXX>:-Dstatic_assert(...)=static_assert(true)>")
      return()
    endif()
  endforeach()
endfunction()

# `course starters` has these objects from the day itself: they include no header
# in which a body is missing.
function(course_use_ready_objects)
  if(NOT COURSE_READY_OBJECTS)
    return()
  endif()
  file(STRINGS "${COURSE_READY_OBJECTS}" lines)
  foreach(line IN LISTS lines)
    string(REPLACE "|" ";" parts "${line}")
    list(POP_FRONT parts target source object)
    if(TARGET ${target})
      get_target_property(sources ${target} SOURCES)
      list(REMOVE_ITEM sources "${source}")
      set_target_properties(
        ${target} PROPERTIES SOURCES "${sources};${object}" LINKER_LANGUAGE CXX)
    endif()
  endforeach()
endfunction()

# Which targets there are is in targets.txt, for the course's command.
function(course_starter day)
  course_allow_unwritten()
  course_day(${day})
  course_use_ready_objects()
  get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  list(JOIN targets "\n" lines)
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/targets.txt" "${lines}\n")
endfunction()
