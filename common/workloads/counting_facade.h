// CountingFacade: malloc that keeps account of what a workload does, and can
// be told to refuse. It shows that a workload does what it promises.
#ifndef COURSE_WORKLOADS_COUNTING_FACADE_H_
#define COURSE_WORKLOADS_COUNTING_FACADE_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

namespace course {

inline constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();

// What a workload did.
struct Account {
  size_t allocations = 0;
  size_t frees = 0;
  size_t reallocations = 0;
  size_t releases = 0;
  size_t untouched = 0;    // freed or grown, and what was new not written to
  size_t wrong_sizes = 0;  // freed with another size than asked for
  size_t foreign = 0;      // freed, but not live
  size_t refusals = 0;
  size_t most_live = 0;
  size_t least_size = kNoLimit;
  size_t most_size = 0;
  size_t freed_by_others = 0;  // by a thread that did not allocate
  // For each thread that allocated or freed: what it freed, in order. A block
  // is known by its number: how many were allocated before it.
  std::map<size_t, std::vector<size_t>> threads;
  size_t live_limit = kNoLimit;
};

class CountingFacade {
 public:
  static constexpr bool kHasReallocate = true;
  static constexpr bool kHasReleaseFreeMemory = true;

  // A fresh account; at most `live_limit` blocks are served at once.
  static void Reset(size_t live_limit = kNoLimit) {
    const std::lock_guard lock(mutex_);
    account_ = Account();
    account_.live_limit = live_limit;
    live_.clear();
  }
  static Account Read() {
    const std::lock_guard lock(mutex_);
    return account_;
  }
  static size_t Live() {
    const std::lock_guard lock(mutex_);
    return live_.size();
  }

  static void* Allocate(size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    if (live_.size() >= account_.live_limit) {
      ++account_.refusals;
      return nullptr;
    }
    void* block = std::malloc(bytes);
    static_cast<char*>(block)[0] = kUnwritten;
    NoteSize(bytes);
    account_.threads[ThisThread()];
    live_[block] = {bytes, account_.allocations++, ThisThread(), 0};
    account_.most_live = std::max(account_.most_live, live_.size());
    return block;
  }

  static void Deallocate(void* block, size_t bytes) noexcept {
    if (block == nullptr) return;
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(block);
    if (found == live_.end()) {
      ++account_.foreign;
      return;
    }
    ++account_.frees;
    account_.threads[ThisThread()].push_back(found->second.number);
    if (found->second.bytes != bytes) ++account_.wrong_sizes;
    NoteTouched(block, found->second);
    if (found->second.thread != ThisThread()) ++account_.freed_by_others;
    live_.erase(found);
    std::free(block);
  }

  static void* Reallocate(void* block, size_t old_bytes,
                          size_t new_bytes) noexcept {
    const std::lock_guard lock(mutex_);
    ++account_.reallocations;
    if (account_.reallocations > account_.live_limit) {
      ++account_.refusals;
      return nullptr;
    }
    const auto found = live_.find(block);
    if (found == live_.end() || found->second.bytes != old_bytes) {
      ++account_.wrong_sizes;
      return nullptr;
    }
    NoteTouched(block, found->second);
    Record record = found->second;
    record.fresh = old_bytes;
    record.bytes = new_bytes;
    live_.erase(found);
    NoteSize(new_bytes);
    void* grown = std::realloc(block, new_bytes);
    static_cast<char*>(grown)[old_bytes] = kUnwritten;
    live_[grown] = record;
    return grown;
  }

  static size_t ReleaseFreeMemory() noexcept {
    const std::lock_guard lock(mutex_);
    ++account_.releases;
    return 0;
  }

 private:
  struct Record {
    size_t bytes;
    size_t number;
    size_t thread;
    size_t fresh;  // where its newest part begins
  };
  static constexpr char kUnwritten = 0x5a;

  // A number of its own for each thread; the kernel's are used again.
  static size_t ThisThread() {
    static std::atomic<size_t> threads{0};
    thread_local const size_t number = threads++;
    return number;
  }

  static void NoteTouched(const void* block, const Record& record) {
    if (static_cast<const char*>(block)[record.fresh] == kUnwritten) {
      ++account_.untouched;
    }
  }

  static void NoteSize(size_t bytes) {
    account_.least_size = std::min(account_.least_size, bytes);
    account_.most_size = std::max(account_.most_size, bytes);
  }

  static inline std::mutex mutex_;
  static inline Account account_;
  static inline std::map<void*, Record> live_;
};

}  // namespace course

#endif  // COURSE_WORKLOADS_COUNTING_FACADE_H_
