// Checks: what a build with POOL_CHECKS=ON adds, so that a mistake with memory
// is seen at the call that makes it, or at the next one that could see it.
//
//   a block     │ what was asked for      │ slack ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ word │
//   a free one  │▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒│ word │
//   a large one │ no access │ asked for │ slack ▒▒▒▒▒▒▒ │ no access │
//
// The word, in the last 8 bytes of an object, says how many bytes were asked
// for, and proves it: most of it is a product of that, of the address, and of a
// number that chance gives each process. So one look at the word finds a second
// free, an address within a block, a wrong size, and that the word was written
// to. Nobody needs the span, and no thread waits for another: a bit for each
// object, in the span, would need both.
//
//  - At a free: the pointer is a block's, the block is not free, its size is
//    the one that was asked for, if the caller says one, its slack is ▒, and
//    the word before it, of the object there, is true.
//  - At an allocation: the object that is handed out is still ▒, and its word
//    says that it is free.
//
// What is not seen: a write of just this ▒; a write to a free block beyond its
// first kFilled bytes (but for the word); what is written to a free block that
// nobody gets again; a second free, if the block has a new owner by then. Where
// two threads free a block at the very same moment, it may be the next
// allocation that says so, not the free.
//
// Beside a large block there are pages that nobody can touch: before it (unless
// it is aligned to more than a page) and behind it. Who does is ended by the
// CPU (SIGSEGV), at once; no handler is installed for that. No more than
// kMostGuarded blocks have them, and none has where the kernel refuses: it
// keeps account of each such page. The slack is looked at as far as kPageSize.
// A large block of up to kLongestWait bytes that is freed waits, with its first
// kPageSize bytes ▒, until some others wait, too; only then do its pages go
// back, and it is seen whether they are ▒ still.
//
// Declared at the bottom, so that each layer may call it, and defined above
// them, in inspectors.cc, which sees them all.
//
// Owner: none; no locks. A block's word belongs to who has the block; a large
// one's note (span.h), too. The key is written before the first object is
// handed out, and stays.
#ifndef POOL_CHECKS_H_
#define POOL_CHECKS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/span.h"

namespace pool {

class Checks {
 public:
  // A size that the caller does not say.
  static constexpr size_t kNotSaid = ~size_t{0};

  // An object that was never handed out becomes a free one.
  static void Fresh(void* object, size_t size);

  // A free object, or a large block from NewLarge, becomes a block with so many
  // bytes asked for. nullptr stays nullptr. Returns it.
  static void* Out(void* block, size_t asked, const char* call) noexcept;

  // The block is about to be freed: now it is free. nullptr is fine.
  static void Home(void* block, const char* call,
                   size_t said = kNotSaid) noexcept;

  // How many bytes were asked for, of a block that is none the worse.
  static size_t Asked(const void* block, const char* call) noexcept;

  // The owner asks for more or less of it, and it stays where it is.
  // REQUIRES: it has room for them.
  static void Resized(void* block, size_t asked) noexcept;

  // `alignment` is what the caller of a free says of it.
  static void Alignment(const void* block, const char* call,
                        size_t alignment) noexcept;

  // A large block has so many pages, of its own and beside them: none beside
  // one that is no longer than a class's, so that for those sizes, too, Reserve
  // keeps its promise. Its span is told, and the pages beside are closed.
  static PageCount PagesFor(size_t bytes, size_t alignment) {
    const size_t beside = !kChecks || bytes <= SizeClass::kLargestSize ? 0
                          : alignment > kPageSize                      ? 1
                                                                       : 2;
    return pool::PagesFor(bytes + SizeClass::kBehind) + PageCount(beside);
  }
  static void Guard(Span* span, size_t bytes, size_t alignment) noexcept;

  // A freed large block waits. True, if those that wait have become many.
  static bool Wait(Span* span) noexcept;
  // Those that wait go back to the page heap. `call` is at work, should one be
  // damaged.
  static void ReleaseWaiting(const char* call) noexcept;
  static bool AnyWaits() {
    return waiting_.load(std::memory_order_relaxed) != nullptr;
  }
  static bool MuchWaits() {
    return waiting_bytes_.load(std::memory_order_relaxed) > kMostWaiting;
  }

  // For the child of a fork: of objects that another thread was just cutting, a
  // word may be missing. What lies before a block is not looked at any more.
  static void AfterFork() {
    knows_neighbours_.store(false, std::memory_order_relaxed);
  }

 private:
  // Of a free object, so many bytes are ▒ at most: two cache lines and more of
  // small ones, all that most have. To fill and look at 4 KiB takes longer than
  // all else in an allocation.
  static constexpr size_t kFilled = 248;
  // The kernel allows some 65,000 pieces of memory in a process, and each
  // guarded block makes two.
  static constexpr size_t kMostGuarded = 16 * 1024;
  // So many bytes wait, and before they are released so many in all.
  static constexpr size_t kLongestWait = 1024 * 1024;
  static constexpr size_t kMostWaiting = 4 * 1024 * 1024;

  struct Object;

  static void HomeSlow(void* block, const char* call, size_t said) noexcept;
  static void HomeLarge(Span* span, const char* call) noexcept;
  static void OutSlow(void* block, size_t asked, const char* call) noexcept;
  static bool Open(Span* span) noexcept;
  static bool MayLeave(Span* span, const char* call) noexcept;

  inline static std::atomic<uint64_t> key_{0};
  inline static std::atomic<bool> knows_neighbours_{true};
  inline static std::atomic<size_t> guarded_{0};  // blocks
  inline static std::atomic<Span*> waiting_{nullptr};
  inline static std::atomic<size_t> waiting_bytes_{0};
};

}  // namespace pool

#endif  // POOL_CHECKS_H_
