# One function, course_day(), turns a day's folder into its libraries, its tests
# and its benchmarks. The folder gives them their names; no day is named here.
#
# -DBUILD_TESTING=OFF builds the libraries alone, and asks for no other project;
# so does a day that another project takes in with add_subdirectory.
include_guard(GLOBAL)

# Before the packages: what is fetched would land among the sources, too.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_BINARY_DIR)
  file(REMOVE "${CMAKE_BINARY_DIR}/CMakeCache.txt")
  message(FATAL_ERROR "Not among the sources! Type: cmake -S . -B build/dev")
endif()

get_filename_component(COURSE_ROOT "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
set(COURSE_PROGRAMS OFF)
if(PROJECT_IS_TOP_LEVEL)
  option(BUILD_TESTING "Build tests, benchmarks and examples, too" ON)
  set(COURSE_PROGRAMS ${BUILD_TESTING})
endif()

find_package(Threads REQUIRED)
include(CourseOptions)
include(CourseShared)
include(CourseInstall)
if(COURSE_PROGRAMS)
  include(CoursePackages)
  include(GoogleTest)
  include(CourseExamples)
  include(CoursePackageTest)
  add_library(course_test_main STATIC "${COURSE_ROOT}/common/testing/main.cc")
  target_link_libraries(course_test_main PUBLIC course_options GTest::gtest)
endif()

# Finds the day's tests when ctest runs, each a process of its own, so that one
# crash is one failure.
function(course_discover_tests target prefix label)
  gtest_discover_tests(
    ${target}
    TEST_PREFIX "${prefix}."
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    NO_PRETTY_VALUES
    PROPERTIES TIMEOUT 300 LABELS ${label})
endfunction()

# The thread sanitizer has nothing to say about code without threads, and takes
# long to build: of each test, only the sources that use threads. Says which are
# left out; if all are, `kept` is empty.
function(course_with_threads target kept)
  set(${kept} ${ARGN} PARENT_SCOPE)
  if(NOT COURSE_SANITIZE STREQUAL "thread")
    return()
  endif()
  set(with ${ARGN})
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" uses REGEX
         "#include .*(<thread>|<pthread.h>|/gang.h|/crew.h|/model.h|/fault_workload.h|/rows.h)")
    if(NOT uses)
      list(REMOVE_ITEM with "${source}")
      get_filename_component(name "${source}" NAME)
      string(APPEND without " ${name}")
    endif()
  endforeach()
  if(without)
    message(STATUS "Left out of ${target}, as no threads are in it:${without}")
  endif()
  set(${kept} ${with} PARENT_SCOPE)
endfunction()

# A test of what all days share; it links no day's library.
function(course_common_test target)
  course_test(${target} common "" ${ARGN})
endfunction()

# A program of tests; `label` heads their names, `library` is what they test.
function(course_test target label library)
  course_with_threads(${target} sources ${ARGN})
  if(NOT sources)
    return()
  endif()
  add_executable(${target} ${sources})
  target_link_libraries(
    ${target} PRIVATE course_options ${library} course_test_main)
  course_discover_tests(${target} ${label} ${label})
endfunction()

# The same sources for every day: the façade's contract, the model test against
# the shadow heap, and the test in which the kernel refuses.
function(course_shared_tests day)
  file(GLOB contract CONFIGURE_DEPENDS "${COURSE_ROOT}/common/contract/*.cc")
  course_day_test(${day} contract_test ${contract})
  # One compilation for all of its files: what they include takes longer than
  # what they say, and there are ten days.
  if(TARGET ${day}_contract_test)
    set_target_properties(
      ${day}_contract_test PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
  course_day_test(${day} model_test "${COURSE_ROOT}/common/testing/model_test.cc")
  course_day_test(${day} fault_test "${COURSE_ROOT}/common/testing/fault_test.cc")
endfunction()

function(course_day_test day name)
  course_test(${day}_${name} ${day} ${day} ${ARGN})
endfunction()

# Each file of tests/ is a program. What a test needs in C stands in a C file of
# the same name; what it reads in docs/, it finds by COURSE_DOCS.
function(course_day_tests day)
  file(GLOB tests CONFIGURE_DEPENDS tests/*.cc)
  foreach(source IN LISTS tests)
    get_filename_component(name "${source}" NAME_WE)
    file(GLOB in_c CONFIGURE_DEPENDS "tests/${name}.c")
    course_day_test(${day} ${name} "${source}")
    if(in_c AND TARGET ${day}_${name})
      target_sources(${day}_${name} PRIVATE ${in_c})
    endif()
    file(STRINGS "${source}" reads_docs REGEX "COURSE_DOCS")
    if(reads_docs AND TARGET ${day}_${name})
      target_compile_definitions(
        ${day}_${name} PRIVATE COURSE_DOCS="${COURSE_ROOT}/docs")
    endif()
  endforeach()
endfunction()

# The fuzz targets, from the day on that takes blocks back without their size:
# its façade is whole. There is one for each language that it speaks.
function(course_day_fuzz day)
  file(STRINGS include/pool/pool.h unsized
       REGEX "^void Deallocate\\(void\\* [a-z]+\\) noexcept;")
  if(NOT unsized OR COURSE_SANITIZE STREQUAL "thread")
    return()
  endif()
  course_fuzz_target(${day} facade Fuzz)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/include/pool/pool_c.h")
    course_fuzz_target(${day} pool_c FuzzInC)
  endif()
endfunction()

# Built to fuzz (COURSE_SANITIZE has fuzzer-no-link, which needs Clang) it is
# libFuzzer's; else an ordinary program plays the corpus, and some inputs by
# chance.
function(course_fuzz_target day name suite)
  set(fuzz "${COURSE_ROOT}/common/fuzz")
  if(COURSE_SANITIZE MATCHES "fuzzer")
    add_executable(${day}_${name}_fuzz "${fuzz}/${name}_fuzz.cc")
    target_link_libraries(${day}_${name}_fuzz PRIVATE course_options ${day})
    target_link_options(${day}_${name}_fuzz PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  file(GLOB corpus CONFIGURE_DEPENDS "${fuzz}/corpus/*")
  set(replay ${day}_${name}_replay)
  add_executable(${replay} "${fuzz}/${name}_fuzz.cc" "${fuzz}/replay_main.cc")
  target_link_libraries(${replay} PRIVATE course_options ${day})
  add_test(NAME ${day}.${suite}.Corpus COMMAND ${replay} ${corpus})
  add_test(NAME ${day}.${suite}.RandomInputs COMMAND ${replay} --random 50)
  set_tests_properties(
    ${day}.${suite}.Corpus ${day}.${suite}.RandomInputs
    PROPERTIES TIMEOUT 300 LABELS ${day})
endfunction()

# The stress program, from the day on whose pool keeps accounts: the whole-pool
# equation is what it ends with. A short run of it is a test. (The thread
# sanitizer allows no threads after a fork.)
function(course_day_stress day)
  file(STRINGS include/pool/pool.h accounts REGEX "^PoolStatistics Statistics")
  if(NOT accounts)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${COURSE_ROOT}/common/testing/stress/*.cc")
  add_executable(${day}_stress ${sources})
  target_link_libraries(${day}_stress PRIVATE course_options ${day})
  set(options --seconds 5 --threads 4)
  if(COURSE_SANITIZE STREQUAL "thread")
    list(APPEND options --no-forks)
  endif()
  add_test(NAME ${day}.Stress.FindsNothing COMMAND ${day}_stress ${options})
  set_tests_properties(
    ${day}.Stress.FindsNothing PROPERTIES TIMEOUT 300 LABELS ${day})
endfunction()

function(course_day_benchmarks day)
  file(GLOB benches CONFIGURE_DEPENDS bench/*.cc bench/*.c)
  foreach(source IN LISTS benches)
    get_filename_component(name "${source}" NAME_WE)
    add_executable(${day}_${name} "${source}")
    target_link_libraries(${day}_${name} PRIVATE course_options ${day})
    list(APPEND programs ${day}_${name})
    if(source MATCHES "\\.cc$")
      target_link_libraries(${day}_${name} PRIVATE benchmark::benchmark_main)
    endif()
  endforeach()
  add_executable(${day}_race "${COURSE_ROOT}/common/workloads/race.cc")
  target_link_libraries(
    ${day}_race PRIVATE course_options ${day} benchmark::benchmark)
  list(APPEND programs ${day}_race)
  # For `course heaps` and `course map`.
  add_executable(
    ${day}_heap_picture "${COURSE_ROOT}/common/workloads/heap_picture.cc"
    "${COURSE_ROOT}/common/classic/trace_file.cc")
  target_link_libraries(${day}_heap_picture PRIVATE course_options ${day})
  list(APPEND programs ${day}_heap_picture)
  # For `course instructions`; with libpool_malloc.so, where the day has one.
  foreach(library IN ITEMS ${day} ${day}_malloc)
    if(TARGET ${library})
      add_executable(
        ${library}_pair_count "${COURSE_ROOT}/common/workloads/pair_count.cc")
      target_link_libraries(
        ${library}_pair_count PRIVATE course_options ${library})
      list(APPEND programs ${library}_pair_count)
    endif()
  endforeach()
  # What is not optimized is not worth measuring: only when asked for.
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    set_target_properties(${programs} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
endfunction()

# What every library of a day is compiled with. Who links it need not be.
function(course_library_options library)
  target_include_directories(
    ${library} PUBLIC
    "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${library} PUBLIC Threads::Threads)
  file(STRINGS include/pool/macros.h checks REGEX "ifdef POOL_CHECKS")
  if(POOL_CHECKS AND checks)
    # Who is built with it may see its inner headers: tests and benchmarks do.
    target_compile_definitions(
      ${library} PUBLIC "$<BUILD_INTERFACE:POOL_CHECKS>")
  endif()
  target_compile_options(
    ${library} PRIVATE
    "$<TARGET_PROPERTY:course_options,INTERFACE_COMPILE_OPTIONS>"
    -Wshadow -Wconversion -Wno-sign-conversion)
endfunction()

# The folder's name is the day's, unless another is given (CourseStarter.cmake).
function(course_day)
  get_filename_component(day "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
  if(ARGC)
    set(day "${ARGV0}")
  endif()
  file(GLOB sources CONFIGURE_DEPENDS src/*.cc)
  # An editor's lock (.#pool.cc) is a link to nowhere.
  list(FILTER sources EXCLUDE REGEX "/\\.[^/]*$")
  # These take the place of malloc and new: only a shared library has them.
  list(FILTER sources EXCLUDE REGEX "/(malloc|malloc_info|new_delete)\\.cc$")
  add_library(${day} STATIC ${sources})
  course_library_options(${day})
  course_day_shared(${day} ${sources})
  course_day_package(${day})
  if(NOT COURSE_PROGRAMS)
    return()
  endif()

  course_day_tests(${day})
  course_shared_tests(${day})
  course_day_drop_in_tests(${day})
  course_day_fuzz(${day})
  course_day_stress(${day})
  course_day_examples(${day})
  course_day_package_tests(${day})
  course_day_benchmarks(${day})
endfunction()
