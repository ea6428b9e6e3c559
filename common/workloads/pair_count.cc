// A block of 64 bytes, taken and given back, so and so many times; and nothing
// else, so that the instructions of one pair can be counted:
//   pair_count facade PAIRS    Allocate and Deallocate
//   pair_count malloc PAIRS    malloc and free, whosoever they are
// Run it in two lengths under callgrind; the difference is the pairs' alone.
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "pool/pool.h"

namespace {

constexpr size_t kBytes = 64;

void FacadePairs(long pairs) {
  for (long i = 0; i < pairs; ++i) {
    pool::Deallocate(pool::Allocate(kBytes), kBytes);
  }
}

void MallocPairs(long pairs) {
  for (long i = 0; i < pairs; ++i) std::free(std::malloc(kBytes));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc == 3 ? argv[1] : "";
  const long pairs = argc == 3 ? std::atol(argv[2]) : 0;
  if (pairs <= 0 || (way != "facade" && way != "malloc")) {
    std::cerr << "usage: pair_count facade|malloc PAIRS\n";
    return 2;
  }
  way == "facade" ? FacadePairs(pairs) : MallocPairs(pairs);
}
