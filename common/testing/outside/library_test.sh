#!/bin/sh
# What a shared library of a day tells the loader, as nm and readelf see it:
#   library_test.sh exports|tls|stays|needs LIBRARY EXPORTS.MAP
set -eu
what=$1 library=$2 map=$3

# The names in the list, and no others. libpool.so has the pool's own only.
exports() {
  listed=$(sed -nE 's/#.*//; s/^ *"?([a-z_A-Z][^";{}]*)"?;$/\1/p' "$map")
  case $library in
    *libpool_malloc*) ;;
    *) listed=$(echo "$listed" | grep "^pool") ;;
  esac
  given=$(nm -DC --defined-only "$library" | sed -E 's/^[0-9a-f]+ . //')
  echo "$listed" | sort >listed.$$
  echo "$given" | sort >given.$$
  differences=$(diff listed.$$ given.$$ || true)
  rm listed.$$ given.$$
  echo "$(echo "$given" | wc -l) names are given away"
  [ -z "$differences" ] || {
    echo "< is listed and not there, > is there and not listed:"
    echo "$differences"
    exit 1
  }
}

# The loader keeps some 1,600 bytes for the thread-local variables of libraries
# that come by dlopen, all together. We take a pointer or two, and the profile,
# where there is one, three numbers and a flag; the compiler's support of
# exceptions, where it is linked in, takes two pointers more. (56 bytes; an
# optimizing compiler aligns one of them at 16, and fills up.)
tls() {
  bytes=$(readelf -lW "$library" | awk '$1 == "TLS" { print $6 }')
  echo "thread-local variables: $((bytes)) bytes"
  [ $((bytes)) -ge 1 ] && [ $((bytes)) -le 80 ]
}

# dlclose leaves it where it is, and no name waits to be looked up in a call.
stays() {
  readelf -dW "$library" | grep FLAGS
  readelf -dW "$library" | grep -q "FLAGS_1.*NOW.*NODELETE"
}

# A program in C has no C++ library, and should not load one because of malloc.
needs() {
  needed=$(readelf -dW "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
  echo "needs: $(echo "$needed" | tr "\n" " ")"
  case $library in
    *libpool_malloc*) ! echo "$needed" | grep -qEv "^(libc|ld-linux.*)\.so" ;;
    *) echo "$needed" | grep -q "^libc.so" ;;
  esac
}

"$what"
