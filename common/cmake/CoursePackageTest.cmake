# Tests of what others get of a day: its shared libraries as the loader sees
# them, and its package as a project outside the course uses it.
include_guard(GLOBAL)

set(COURSE_OUTSIDE "${COURSE_ROOT}/common/testing/outside")

function(course_day_library_tests day)
  foreach(library IN ITEMS shared malloc)
    course_camel_case(${library} case)
    foreach(what IN ITEMS exports tls stays needs)
      course_camel_case(${what} does)
      set(test ${day}.Library.${case}${does})
      add_test(
        NAME ${test}
        COMMAND sh "${COURSE_OUTSIDE}/library_test.sh" ${what}
                $<TARGET_FILE:${day}_${library}>
                "${CMAKE_CURRENT_SOURCE_DIR}/src/exports.map")
      set_tests_properties(${test} PROPERTIES TIMEOUT 60 LABELS ${day})
    endforeach()
  endforeach()
endfunction()

# "install" builds the day as a user does, and the others need what it leaves.
function(course_day_package_tests day)
  if(NOT TARGET ${day}_malloc)
    return()
  endif()
  course_day_library_tests(${day})
  set(environment "CC=${CMAKE_C_COMPILER}" "CXX=${CMAKE_CXX_COMPILER}"
                  "CMAKE_GENERATOR=${CMAKE_GENERATOR}")
  foreach(step IN ITEMS install find_package find_package_moved pkg_config
                        pkg_config_moved add_subdirectory)
    course_camel_case(${step} case)
    set(test ${day}.Package.${case})
    add_test(
      NAME ${test}
      COMMAND sh "${COURSE_OUTSIDE}/outside_test.sh" ${step}
              "${CMAKE_CURRENT_SOURCE_DIR}"
              "${CMAKE_CURRENT_BINARY_DIR}/outside")
    set_tests_properties(
      ${test} PROPERTIES
      LABELS ${day} TIMEOUT 300 PROCESSORS 2 SKIP_RETURN_CODE 77
      FIXTURES_REQUIRED ${day}_package ENVIRONMENT "${environment}")
  endforeach()
  set_tests_properties(
    ${day}.Package.Install PROPERTIES
    FIXTURES_REQUIRED "" FIXTURES_SETUP ${day}_package)
endfunction()
