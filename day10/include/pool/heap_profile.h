// HeapProfile: which code has the memory? One call in some hundred thousand
// bytes is chosen by chance, and the stack of its callers is written down. What
// is still there at the end, multiplied by how unlikely it was to be chosen, is
// an estimate of who holds what.
//
// Owner: the process has one. Thread-safe: one lock, taken only for calls that
// were chosen, and never while anyone else is called.
//
// How calls are chosen: sampler.h. Each thread draws its own lots.
//
// Stacks come from the unwinder of the compiler's runtime. It may allocate, at
// its first use at least: so it is used once before the first sample, and a
// call that comes from within it is never chosen.
#ifndef POOL_HEAP_PROFILE_H_
#define POOL_HEAP_PROFILE_H_

#include <cstddef>
#include <cstdint>

#include "pool/output.h"

namespace pool {

class HeapProfile {
 public:
  // Samples one byte in `bytes_between` from now on. REQUIRES: it is above 0;
  // called once, before the first of the next.
  static void Begin(size_t bytes_between);
  static bool On();

  // Is this call, for so many bytes, chosen? Called once for each. (A block of
  // 0 bytes never is: it holds nothing, and pprof would divide by its size.)
  static bool Chooses(size_t bytes);

  // Notes a block of a chosen call, whose callers are on the stack now. Returns
  // the number of its stack; 0, if there was no memory to note it.
  static uint32_t Add(size_t bytes);
  // It was freed. 0 is no block's number, and does nothing.
  static void Remove(uint32_t stack, size_t bytes);
  // A block, chosen or not (0), was made longer or shorter where it is. That is
  // as if it were freed and allocated anew, by chance with another number, or
  // none. (To keep the old answer would be wrong: what was small when it was
  // not chosen would be missed when it is huge.)
  static uint32_t Reallocate(uint32_t stack, size_t old_bytes, size_t bytes);

  // In the format that pprof reads: the legacy one of gperftools, heap_v2. Each
  // stack is right for some moment, not all for the same. A sink may allocate.
  static void Write(Output& output);

  // Bytes taken from the system.
  static size_t Footprint();
  // For the child of a fork.
  static void AfterFork();
  static void Validate();
};

}  // namespace pool

#endif  // POOL_HEAP_PROFILE_H_
