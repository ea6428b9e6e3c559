#include "pool/sampler.h"

namespace pool {
namespace {

// Of what is beyond any heap, the largest number will do.
size_t Product(size_t a, size_t b) {
  size_t product;
  return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

size_t Sum(size_t a, size_t b) {
  size_t sum;
  return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

// fraction / 2^64 * whole, rounded down.
size_t Share(uint64_t fraction, size_t whole) {
  using Wide = unsigned __int128;
  return static_cast<size_t>(static_cast<Wide>(fraction) * whole >> 64);
}

}  // namespace

//! [Sampler::Chooses]
// What is left of the block behind its chosen byte is not looked at: to be
// chosen twice is to be chosen. The next lot is for the next block.
bool Sampler::ChoosesSlow(size_t bytes, size_t mean) {
  if (left_ == 0) {
    left_ = Distance(mean);       // the very first, or each thread would begin
    return Chooses(bytes, mean);  // with a sample
  }
  left_ = Distance(mean);
  return true;
}
//! [Sampler::Chooses]

//! [Sampler::Distance]
// Exponential, by von Neumann's method: exact, and without a logarithm. Numbers
// are drawn for as long as each is less than the one before. A first number x
// has an even run behind it (x is not counted) with exp(-x), and is then the
// answer; else a whole is added, and all begins again. It takes 4.3 numbers on
// average.
size_t Sampler::Distance(size_t mean) {
  for (size_t whole = 0;; ++whole) {
    const uint64_t first = Random();
    bool even = true;
    uint64_t last = first;
    for (uint64_t next = Random(); next < last; next = Random()) {
      last = next;
      even = !even;
    }
    if (even) {
      const size_t before = Sum(Product(whole, mean), Share(first, mean));
      return Sum(before, 1);
    }
  }
}
//! [Sampler::Distance]

// splitmix64: eight bytes of state, any of which is a good seed.
uint64_t Sampler::Random() {
  random_ += 0x9E3779B97F4A7C15;
  uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return mixed ^ (mixed >> 31);
}

}  // namespace pool
