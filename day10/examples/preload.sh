#!/bin/sh
# A program that knows nothing of the pool, run on it: sort(1), once with its
# own malloc and once with LD_PRELOAD.
#
#   sh preload.sh build/libpool_malloc.so
#
# A program's libraries are looked through in order, and what is preloaded comes
# first: whoever calls malloc finds ours. Nothing is compiled or linked anew.
set -eu
library=$1

# 300,000 numbers in no order.
numbers() {
  awk 'BEGIN { for (n = 1; n < 300007; ++n) print n * 7919 % 300007 }'
}

echo "sum without the pool: $(numbers | sort -n | cksum)"
echo "sum with the pool:    $(numbers | LD_PRELOAD="$library" sort -n | cksum)"

# Was it really there? The kernel knows what is mapped into a process.
if LD_PRELOAD="$library" grep -q "libpool_malloc" /proc/self/maps; then
  echo "libpool_malloc.so was in the process"
fi
