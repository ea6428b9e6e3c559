// Watch: how the slow roads tell those who look on.
//
// Nobody looks on, as a rule. A program that was started with POOL_STATS=1 or
// with POOL_PROFILE=… is watched: each thread's pointer to its cache leads to
// one that is empty and full at once, as if the thread were not born, so that
// each call takes the slow road, and that one asks On(). The fast road does not
// know of it.
//
// All of this is declared here, at the bottom, so that each layer may call it,
// and defined above them, in onlookers.cc, which sees them all.
//
// Owner: the process. Thread-safe. No lock is held by whoever calls, except
// for Ask, which may be called under any lock and in a signal handler: it sets
// a flag, and the next slow road does what is due.
#ifndef POOL_WATCH_H_
#define POOL_WATCH_H_

#include <atomic>
#include <cstddef>

namespace pool {

// Of the calls for one class, or of all for large blocks.
struct Tally {
  size_t allocations;  // ever
  size_t hits;         // of these: served from the thread's cache
  size_t blocks;       // there now
  size_t asked;        // bytes asked for, of those
};

class Watch {
 public:
  // Is each call looked at? From the first one in the process on, or never: the
  // settings are read at the first call that asks.
  static bool On() {
    const Mode mode = mode_.load(std::memory_order_acquire);
    return mode == Mode::kUnknown ? BeginNow() : mode == Mode::kOn;
  }
  // Reads the settings, if they were not read yet. For whoever comes before the
  // C library knows the environment.
  static void Begin(const char* const* environment);

  // The next ones REQUIRE On(). An object is handed out for so many bytes; it
  // came from the thread's cache (hit), or had to be fetched.
  static void Allocated(void* object, size_t bytes, bool hit);
  // So is a large block, which the profile may choose.
  static void AllocatedLarge(void* block, size_t bytes);
  // Instead of an object of a class: a block of its own for a call that the
  // profile has chosen. nullptr, if it has not. Its bytes are zero.
  static void* AllocateSampled(size_t bytes);
  // A block is about to be taken back.
  static void Freed(void* block);

  // A block of so many bytes was made longer or shorter where it is.
  static void Resized(void* block, size_t bytes) {
    if (On()) NoteResized(block, bytes);
  }
  // Must a small block move when it is resized? Where there is a profile: the
  // chosen ones have spans of their own and always move, which draws lots anew.
  // If the others stayed, most chosen ones would be lost, and none made up for.
  static bool MovesSmallBlocks() { return On() && HasProfile(); }

  // What can be due.
  enum Due : unsigned { kPeaks = 1, kPrint = 2 };

  // More pages are in use than ever: a good moment to see by whom. Or somebody
  // wants to see the statistics.
  static void Ask(Due what) { due_.fetch_or(what, std::memory_order_relaxed); }
  // By how many bytes more at least, so that it is worth it: to see what all
  // threads have takes time for each.
  static size_t LookEvery() {
    return look_every_.load(std::memory_order_relaxed);
  }
  static void ServeIfDue() {
    if (due_.load(std::memory_order_relaxed) != 0) Serve();
  }

  // For the child of a fork.
  static void AfterFork();

  // For a snapshot: bytes taken from the system.
  static size_t Footprint();
  // Is every call counted? And was every block noted, from the first on? Then
  // these are exact; `row` is a class, or SizeClass::kCount for blocks of none.
  static bool Counts();
  static bool CountsAll();
  static Tally TallyOf(size_t row);
  static size_t AskedPeak();

 private:
  enum class Mode : unsigned char { kUnknown, kOff, kOn };

  static bool BeginNow();
  static bool HasProfile();
  static void NoteResized(void* block, size_t bytes);
  static void Serve();

  inline static std::atomic<Mode> mode_{Mode::kUnknown};
  inline static std::atomic<unsigned> due_{0};
  static constexpr size_t kLookEvery = 1024 * 1024;
  inline static std::atomic<size_t> look_every_{kLookEvery};
};

}  // namespace pool

#endif  // POOL_WATCH_H_
