// Sampler: draws lots for bytes. A block is chosen if one of its bytes is, and
// each byte is with the same small chance, whatever came before: no pattern
// that a program has can hide from it. So a block of b bytes is chosen with
// 1 - exp(-b / mean), and what a sample stands for can be computed from its
// size.
//
// It does not draw for each byte. It draws how far it is to the next chosen
// one, and counts down.
//
// Owner: one thread. No locks. Without a constructor to run, so that a thread
// may have one from its first moment; and small, for the loader has not much
// room for what each thread has.
#ifndef POOL_SAMPLER_H_
#define POOL_SAMPLER_H_

#include <cstddef>
#include <cstdint>

namespace pool {

class Sampler {
 public:
  // Draws nothing before it is seeded.
  constexpr Sampler() = default;
  constexpr explicit Sampler(uint64_t seed) : random_(seed == 0 ? 1 : seed) {}
  // Chooses nothing: no thread allocates so much.
  static constexpr Sampler Never() {
    Sampler never(1);
    never.left_ = SIZE_MAX;
    return never;
  }

  bool Seeded() const { return random_ != 0; }

  // Is a block of so many bytes chosen, if one byte in `mean` is on average?
  // REQUIRES: Seeded(), mean > 0; the same mean each time.
  bool Chooses(size_t bytes, size_t mean) {
    if (bytes < left_) {
      left_ -= bytes;
      return false;
    }
    return ChoosesSlow(bytes, mean);
  }

  // How many bytes it is to the next chosen one, that one included: 1 or more.
  size_t Distance(size_t mean);

 private:
  bool ChoosesSlow(size_t bytes, size_t mean);
  uint64_t Random();

  uint64_t random_ = 0;  // the generator's state; 0: not seeded yet
  size_t left_ = 0;      // bytes to the next chosen one; 0: not drawn yet
};

}  // namespace pool

#endif  // POOL_SAMPLER_H_
