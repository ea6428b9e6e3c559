// Tuning: every number that is a choice and not a necessity, with its reason.
//
// Each was measured by itself, beside other values: common/steps has a file for
// it, docs/results the figures. Bytes, if nothing else is said.
#ifndef POOL_TUNING_H_
#define POOL_TUNING_H_

#include <cstddef>
#include <cstdint>

namespace pool {
namespace tuning {

// Magazines (magazine.h): so many pointers. A thread begins with the shortest,
// since most threads use most classes hardly ever; who comes back for more gets
// a longer one each time.
inline constexpr size_t kMagazineLengths[] = {16, 64, 128};

// What the objects of one magazine may have together. A magazine is what a
// visit to the central cache brings, so a few objects of 16 KiB are enough; but
// some there are, of any size: programs have several buffers of 64 KiB.
inline constexpr size_t kMagazineBytes = 64 * 1024;
inline constexpr size_t kMagazineLeast = 4;

// Magazines of one length are made side by side in so much memory, which goes
// back to the system when none of them is in use.
inline constexpr size_t kMagazineBlockBytes = 128 * 1024;

// Objects above this size do not wait in a depot for a thread that wants the
// like: their pages are of more use to other classes. (With 64 KiB, `grow` has
// a fifth more cache misses, since each class has its own memory to be cold.)
inline constexpr size_t kLargestInDepot = 32 * 1024;

// What one thread's magazines have room for together.
inline constexpr size_t kThreadBytes = 4 * 1024 * 1024;

// The window of addresses that has a byte for each page (arena.h).
inline constexpr size_t kWindowBytes = size_t{64} << 30;
// Where so much is not free in one piece, a half of it, and so on; with less
// than this it is not worth while.
inline constexpr size_t kSmallestWindowBytes = size_t{64} << 20;
// The window begins at a multiple of this: the kernel's huge page.
inline constexpr size_t kHugePageBytes = 2 * 1024 * 1024;

// What was not needed for so long is given to the layer below (upkeep.cc). In
// milliseconds. From a thread's end, or a program's last free, to the system it
// is three such steps at most.
inline constexpr size_t kUpkeepEvery = 300;

// But nobody is kept for long: after so many orphans, magazines, or bytes of
// pages, the rest is left for whoever comes by some milliseconds later.
inline constexpr size_t kUpkeepOrphans = 16;
inline constexpr size_t kUpkeepMagazines = 4096;
inline constexpr size_t kUpkeepBytes = 128 * 1024 * 1024;
inline constexpr size_t kUpkeepAgain = 10;

// What may be wasted by huge pages: a chunk is made of them, if it is at most
// this part of what is in use.
inline constexpr size_t kHugePageWaste = 8;

}  // namespace tuning
}  // namespace pool

#endif  // POOL_TUNING_H_
