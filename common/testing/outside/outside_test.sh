#!/bin/sh
# What somebody outside does with a day: installs it, moves it, builds against
# it. ctest runs one step at a time, "install" first:
#   outside_test.sh STEP DAY'S_FOLDER FOLDER_TO_WORK_IN
#
# The last folder is emptied by "install"; the other steps write below it.
set -eu
step=$1 source=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)

fail() {
  echo "$step: $*"
  exit 1
}

# Ends the step if a tool is missing: in CI that is a failure, not a test less.
need() {
  command -v "$1" >/dev/null && return
  echo "$step: $1 is missing; type: common/course setup"
  [ -n "${CI:-}" ] && exit 1
  exit 77
}

# All that an installation brings, the libraries' folder apart.
installed() {
  (cd "$1" && find . ! -type d | sort | sed "s,^\./,,; s,^$2/,LIB/,")
}

expected="LIB/cmake/pool/poolConfig.cmake
LIB/cmake/pool/poolConfigVersion.cmake
LIB/cmake/pool/poolTargets-release.cmake
LIB/cmake/pool/poolTargets.cmake
LIB/libpool.a
LIB/libpool.so
LIB/libpool.so.VERSION
LIB/libpool.so.MAJOR
LIB/libpool_malloc.so
LIB/libpool_malloc.so.VERSION
LIB/libpool_malloc.so.MAJOR
LIB/pkgconfig/pool.pc
LIB/pkgconfig/pool_malloc.pc
include/pool/allocator.h
include/pool/memory_resource.h
include/pool/pool.h
include/pool/pool_c.h"
# With statistics, pool.h has need of more.
[ ! -e "$source/include/pool/stats.h" ] ||
  expected="$expected
include/pool/stats.h
include/pool/gauge.h
include/pool/output.h"

check_files() {
  found=$(installed "$1" "$2" |
    sed -E 's/so\.[0-9]+\.[0-9]+\.[0-9]+$/so.VERSION/; s/so\.[0-9]+$/so.MAJOR/')
  [ "$(echo "$found" | sort)" = "$(echo "$expected" | sort)" ] ||
    fail "in $1 there is not what should be, but: $found"
}

# Three installations of one build: one stays; one is moved, libraries in a
# folder with another name; one is staged, as a package is made.
install_it() {
  rm -rf "$work"
  # Without the network and without GoogleTest: the libraries need neither.
  cmake -S "$source" -B "$work/build" -DBUILD_TESTING=OFF \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_LIBDIR=lib \
    --no-warn-unused-cli -DFETCHCONTENT_FULLY_DISCONNECTED=ON \
    -DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON \
    -DCMAKE_DISABLE_FIND_PACKAGE_benchmark=ON
  cmake --build "$work/build" -j2
  cmake --install "$work/build" --prefix "$work/stays" >/dev/null
  check_files "$work/stays" lib
  DESTDIR="$work/staged" cmake --install "$work/build" --prefix /opt/pool \
    >/dev/null
  check_files "$work/staged/opt/pool" lib
  if grep -rF -e "$source" -e "$work" "$work/stays/lib/cmake" \
    "$work/stays/lib/pkgconfig"; then
    fail "the installation names a folder of this machine (above)"
  fi
  cmake -S "$source" -B "$work/build" -DCMAKE_INSTALL_LIBDIR=lib/deep/down \
    >/dev/null
  cmake --install "$work/build" --prefix "$work/left" >/dev/null
  check_files "$work/left" lib/deep/down
  mv "$work/left" "$work/moved"
}

# Builds the project beside this file, and runs its programs.
build_outside() {
  name=$1
  shift
  rm -rf "${work:?}/$name"
  cmake -S "$here" -B "$work/$name" -DCMAKE_BUILD_TYPE=Release "$@"
  cmake --build "$work/$name" -j2
  ctest --test-dir "$work/$name" --output-on-failure --no-tests=error
}

make_outside() {
  need pkg-config
  need make
  rm -rf "${work:?}/$1"
  mkdir "$work/$1"
  PKG_CONFIG_PATH=$2 make -C "$work/$1" -f "$here/Makefile" check
}

case $step in
  install) install_it ;;
  find_package) build_outside find_package "-Dpool_ROOT=$work/stays" ;;
  find_package_moved)
    build_outside find_package_moved \
      "-Dpool_DIR=$work/moved/lib/deep/down/cmake/pool"
    ;;
  add_subdirectory)
    build_outside add_subdirectory "-DPOOL_SOURCE=$source"
    ;;
  pkg_config) make_outside pkg_config "$work/stays/lib/pkgconfig" ;;
  pkg_config_moved)
    make_outside pkg_config_moved "$work/moved/lib/deep/down/pkgconfig"
    ;;
  *) fail "there is no such step" ;;
esac
