# What makes a day a package: `cmake --install`, find_package(pool CONFIG) with
# the targets pool::pool (static), pool::shared and pool::malloc, pkg-config's
# pool and pool_malloc. Only where a day is built alone: there is one `pool`.
#
# A project that takes a day in with add_subdirectory has the same targets.
include_guard(GLOBAL)

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(COURSE_TEMPLATES "${CMAKE_CURRENT_LIST_DIR}")

# The number that the folder ends in is the minor version. A day's façade grows
# and loses nothing, so the major one stays, in the libraries' names, too.
function(course_version day)
  string(REGEX MATCH "[1-9][0-9]*$" number "${day}")
  set(COURSE_VERSION "0.${number}.0" PARENT_SCOPE)
  set(COURSE_SOVERSION 0 PARENT_SCOPE)
endfunction()

function(course_day_package day)
  if(CMAKE_SOURCE_DIR STREQUAL COURSE_ROOT)
    return()
  endif()
  foreach(name IN ITEMS pool shared malloc)
    set(target ${day}_${name})
    if(name STREQUAL "pool")
      set(target ${day})
    endif()
    if(TARGET ${target})
      add_library(pool::${name} ALIAS ${target})
      set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
      list(APPEND targets ${target})
    endif()
  endforeach()
  set_target_properties(${day} PROPERTIES OUTPUT_NAME pool)
  if(PROJECT_IS_TOP_LEVEL AND TARGET ${day}_malloc)
    course_version(${day})
    course_install_libraries(${targets})
    course_install_pkg_config(pool "in three tiers" -lpool)
    # Kept by the linker even where only other libraries call malloc.
    course_install_pkg_config(
      pool_malloc "in place of malloc"
      "-Wl,--push-state,--no-as-needed -lpool_malloc -Wl,--pop-state")
  endif()
endfunction()

# The libraries, the headers that a user includes, and what find_package reads.
function(course_install_libraries)
  install(TARGETS ${ARGN} EXPORT poolTargets)
  # The last three where there are statistics: pool.h includes them.
  foreach(header IN ITEMS pool allocator memory_resource pool_c
                          stats gauge output)
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/include/pool/${header}.h")
      install(FILES include/pool/${header}.h
              DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/pool")
    endif()
  endforeach()

  set(folder "${CMAKE_INSTALL_LIBDIR}/cmake/pool")
  install(EXPORT poolTargets NAMESPACE pool:: DESTINATION "${folder}")
  configure_package_config_file(
    "${COURSE_TEMPLATES}/poolConfig.cmake.in" poolConfig.cmake
    INSTALL_DESTINATION "${folder}"
    NO_SET_AND_CHECK_MACRO)
  write_basic_package_version_file(
    poolConfigVersion.cmake VERSION ${COURSE_VERSION}
    COMPATIBILITY SameMajorVersion)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/poolConfig.cmake"
                "${CMAKE_CURRENT_BINARY_DIR}/poolConfigVersion.cmake"
          DESTINATION "${folder}")
endfunction()

# Paths in it begin at the file's own place, so that the folder may be moved.
function(course_install_pkg_config package title libraries)
  set(folder "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
  if(IS_ABSOLUTE "${folder}")
    set(prefix "${CMAKE_INSTALL_PREFIX}")
  else()
    file(RELATIVE_PATH up "/prefix/${folder}" "/prefix")
    string(REGEX REPLACE "/$" "" prefix "\${pcfiledir}/${up}")
  endif()
  foreach(kind IN ITEMS LIBDIR INCLUDEDIR)
    cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_${kind} BASE_DIRECTORY "/prefix"
               OUTPUT_VARIABLE ${kind})
    string(REGEX REPLACE "^/prefix/" "\${prefix}/" ${kind} "${${kind}}")
  endforeach()
  configure_file("${COURSE_TEMPLATES}/pool.pc.in" ${package}.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${package}.pc"
          DESTINATION "${folder}")
endfunction()
