// Small allocators, sound or broken on purpose, to show that the testing tools
// tell one from the other.
#ifndef COURSE_TESTING_TOY_HEAPS_H_
#define COURSE_TESTING_TOY_HEAPS_H_

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace course {

enum class Bug {
  kNone,
  // In ToyHeap.
  kClassTooSmall,  // one byte more than a power of two gets that power
  kGivenTwice,     // now and then a block is noted as free twice
  kMisaligned,     // now and then 8 bytes off
  kStrayWrite,     // now and then a bit behind the freed block changes
  kGivesUp,        // now and then there is no block
  kForeignFree,    // freed by another thread, a block is noted as free twice
  kBorrows,        // its first block is damaged for a while, then restored
  // In FullToyHeap.
  kHalfAligned,
  kNotZeroed,           // the last byte
  kUsableTooLarge,      // by 24 bytes
  kForgetsOnMove,       // the last byte does not come along
  kScribblesOnRelease,  // on the newest block
  kNothingReserved,
};

// Powers of two, carved from one long mapping. What is free is noted outside
// the blocks, so that a bug stays the one that was asked for.
template <Bug kBug>
class ToyHeap {
 public:
  static constexpr bool kHasReserve = false;
  static constexpr bool kHasUnsizedDeallocate = false;
  static constexpr bool kHasAligned = false;
  static constexpr bool kHasReleaseFreeMemory = false;
  static constexpr bool kHasReallocate = false;
  static constexpr bool kHasZeroed = false;
  static constexpr bool kHasUsableSize = false;
  static constexpr bool kHasStatistics = false;

  // Forgets all blocks, so that a run can be repeated.
  static void Reset() {
    if (start_ == nullptr) {
      void* mapping = mmap(nullptr, kRoom, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (mapping == MAP_FAILED) std::abort();
      start_ = static_cast<char*>(mapping);
    }
    used_ = 0;
    calls_ = 0;
    classes_.clear();
    owners_.clear();
    for (std::vector<char*>& list : free_) list.clear();
  }

  static void* Allocate(size_t bytes) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool odd = ++calls_ % 997 == 0;
    if (kBug == Bug::kGivesUp && odd) return nullptr;
    const size_t index = ClassOf(bytes);
    if (kBug == Bug::kMisaligned && odd) return Carve(index) + 8;
    if (kBug == Bug::kBorrows) BorrowFirst();
    char* block = Take(index);
    if (kBug == Bug::kForeignFree) owners_[block] = std::this_thread::get_id();
    return block;
  }

  static void Deallocate(void* block, size_t bytes) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool odd = ++calls_ % 997 == 0;
    const size_t index = ClassOf(bytes);
    char* start = static_cast<char*>(block);
    free_[index].push_back(start);
    if (kBug == Bug::kGivenTwice && odd) free_[index].push_back(start);
    if (kBug == Bug::kStrayWrite && odd) start[size_t{1} << index] ^= 1;
    if (kBug == Bug::kForeignFree &&
        owners_[start] != std::this_thread::get_id()) {
      free_[index].push_back(start);
    }
  }

 protected:
  static size_t RoomOf(void* block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return size_t{1} << classes_.at(static_cast<char*>(block));
  }

 private:
  static constexpr size_t kRoom = size_t{4} << 30;

  static size_t ClassOf(size_t bytes) {
    size_t index = 4;
    const size_t slack = kBug == Bug::kClassTooSmall ? 1 : 0;
    while ((size_t{1} << index) + slack < bytes) ++index;
    return index;
  }

  static char* Take(size_t index) {
    if (free_[index].empty()) return Carve(index);
    char* block = free_[index].back();
    free_[index].pop_back();
    return block;
  }

  // While the model still grows: it frees nothing between these two calls.
  static void BorrowFirst() {
    if (calls_ == 100 || calls_ == 400) start_[0] ^= 1;
  }

  // Each block is aligned to its own size.
  static char* Carve(size_t index) {
    const size_t size = size_t{1} << index;
    used_ = (used_ + size - 1) / size * size;
    char* block = start_ + used_;
    used_ += size;
    if (used_ > kRoom) std::abort();
    classes_[block] = index;
    return block;
  }

  static inline std::mutex mutex_;
  static inline char* start_ = nullptr;
  static inline size_t used_ = 0;
  static inline std::vector<char*> free_[33];
  static inline std::map<char*, size_t> classes_;
  static inline std::map<char*, std::thread::id> owners_;
  static inline size_t calls_ = 0;
};

// The same with every call that the façade will ever have.
template <Bug kBug>
class FullToyHeap : private ToyHeap<Bug::kNone> {
  using Toy = ToyHeap<Bug::kNone>;

 public:
  static constexpr bool kHasReserve = true;
  static constexpr bool kHasUnsizedDeallocate = true;
  static constexpr bool kHasAligned = true;
  static constexpr bool kHasReleaseFreeMemory = true;
  static constexpr bool kHasReallocate = true;
  static constexpr bool kHasZeroed = true;
  static constexpr bool kHasUsableSize = true;
  static constexpr bool kHasStatistics = false;

  using Toy::Allocate;
  using Toy::Reset;

  static void Deallocate(void* block) noexcept {
    if (newest_ == block) newest_ = nullptr;
    Toy::Deallocate(block, RoomOf(block));
  }
  static void Deallocate(void* block, size_t) noexcept { Deallocate(block); }

  static bool Reserve(size_t, size_t) noexcept {
    return kBug != Bug::kNothingReserved;
  }

  static void* AllocateAligned(size_t bytes, size_t alignment) noexcept {
    if (kBug == Bug::kHalfAligned) alignment /= 2;
    newest_ = Allocate(std::max(bytes, alignment));
    return newest_;
  }
  static void DeallocateAligned(void* block, size_t, size_t) noexcept {
    Deallocate(block);
  }

  static void* AllocateZeroed(size_t count, size_t size) noexcept {
    const size_t bytes = count * size;
    char* block = static_cast<char*>(Allocate(bytes));
    std::memset(block, 0, bytes);
    if (kBug == Bug::kNotZeroed && bytes > 0) block[bytes - 1] = 1;
    return block;
  }

  static void* Reallocate(void* block, size_t old_bytes,
                          size_t new_bytes) noexcept {
    char* moved = static_cast<char*>(Allocate(new_bytes));
    const size_t kept = std::min(old_bytes, new_bytes);
    std::memcpy(moved, block, kept);
    if (kBug == Bug::kForgetsOnMove && kept > 0) moved[kept - 1] ^= 1;
    Deallocate(block);
    return moved;
  }

  static size_t UsableSize(void* block) noexcept {
    return RoomOf(block) + (kBug == Bug::kUsableTooLarge ? 24 : 0);
  }

  static size_t ReleaseFreeMemory() noexcept {
    if (kBug == Bug::kScribblesOnRelease && newest_ != nullptr) {
      static_cast<char*>(newest_)[0] ^= 1;
    }
    return 0;
  }

 private:
  static inline thread_local void* newest_ = nullptr;  // of the aligned ones
};

}  // namespace course

#endif  // COURSE_TESTING_TOY_HEAPS_H_
