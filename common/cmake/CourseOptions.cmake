# What every target is compiled with: the target course_options.
include_guard(GLOBAL)

set(COURSE_SANITIZE "" CACHE STRING
    "Sanitizers to build with, for example address,undefined or thread")
option(POOL_CHECKS "Look at each free and each write, from the day on that can" OFF)

# Without a build type there would be no -O2, and no figure would mean anything.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE
   AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Warnings are errors, but not to one who only wants the libraries, perhaps from
# a newer compiler. (cmake --compile-no-warning-as-error switches it off, for
# code that is wrong on purpose.)
set(CMAKE_COMPILE_WARNING_AS_ERROR ${COURSE_PROGRAMS})
# Debug is for assertions and stepping; -O1 keeps the model tests quick.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")

find_program(CCACHE ccache)
mark_as_advanced(CCACHE)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

add_library(course_options INTERFACE)
target_include_directories(
  course_options INTERFACE "${CMAKE_CURRENT_LIST_DIR}/../..")
target_link_libraries(course_options INTERFACE Threads::Threads)
target_compile_options(course_options INTERFACE
  -Wall -Wextra
  # A compiler may delete a malloc with its free, and with them the test.
  -fno-builtin-malloc -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(course_options INTERFACE -fno-allocation-dce)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(course_options INTERFACE
    -Wthread-safety -Werror=thread-safety)
endif()
if(COURSE_SANITIZE)
  # -Og -g1: with -O1 -g the address and undefined-behaviour build of a test
  # takes the compiler two to three times as long (10 s in place of 4).
  target_compile_options(course_options INTERFACE
    -Og -g1 -fsanitize=${COURSE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(course_options INTERFACE -fsanitize=${COURSE_SANITIZE})
endif()
