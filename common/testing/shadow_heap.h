// The shadow heap: knows every live block, and tells when an allocator errs.
//
// Tell it of each block that the allocator gave (Allocated) and of each block
// that is about to go back (Freeing, before the allocator hears of it). It
// fills each block with a pattern of its own and looks whether that is still
// there when the block goes back, and whenever CheckSome or CheckAll is called.
//
// It returns what is wrong as a sentence, and nothing if all is well. After a
// fault its books are as they were before the call.
//
// Owner: a test. Any thread may call it; mutex_ guards the books. Blocks may be
// freed by another thread than the one that allocated them, and are checked by
// any, so nobody but the shadow heap may write to a block that it knows.
#ifndef COURSE_TESTING_SHADOW_HEAP_H_
#define COURSE_TESTING_SHADOW_HEAP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "common/testing/pattern.h"
#include "common/testing/private_memory.h"

namespace course {

using Fault = std::optional<std::string>;

// What every block is aligned to, as long as nobody asks for more.
inline size_t OrdinaryAlignment(size_t bytes) { return bytes <= 8 ? 8 : 16; }

class ShadowHeap {
  // A live block. `extent` is what its owner may write to: at least `bytes`,
  // which is what was asked for. Even a block of 0 bytes has its own address,
  // so it takes up one.
  struct Block {
    size_t bytes;
    size_t extent;
    uint64_t key;
    size_t Room() const { return std::max<size_t>(extent, 1); }
  };
  using Books = std::map<uintptr_t, Block, std::less<uintptr_t>,
                         PrivateAllocator<std::pair<const uintptr_t, Block>>>;

 public:
  static constexpr size_t kEverything = SIZE_MAX;

  // Patterns cover each block's first and last `edge` bytes. Less than
  // everything saves time where damage from within is not the question.
  explicit ShadowHeap(size_t edge = kEverything) : edge_(edge) {}

  // The allocator gave `start` for a request of `bytes`. Fills the block.
  [[nodiscard]] Fault Allocated(void* start, size_t bytes,
                                size_t alignment = 0) {
    if (start == nullptr) return Say("no block for ", bytes, " bytes");
    if (alignment == 0) alignment = OrdinaryAlignment(bytes);
    if (AddressOf(start) % alignment != 0) {
      return Say(start, ", for ", bytes, " bytes, is not aligned to ",
                 alignment);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    return Enter(AddressOf(start), bytes, bytes);
  }

  // The owner learned that all of `usable` bytes may be written to. Fills them.
  [[nodiscard]] Fault Widened(void* start, size_t usable) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = blocks_.find(AddressOf(start));
    if (found == blocks_.end()) return SayUnknown(start);
    if (usable < found->second.bytes) {
      return Say("only ", usable, " bytes are usable in ", Text(*found));
    }
    Fault fault = DamageIn(*found);
    if (fault) return fault;
    const Entry before = *found;
    blocks_.erase(found);
    fault = Enter(before.first, before.second.bytes, usable);
    if (fault) blocks_.insert(before);
    return fault;
  }

  // The block is about to go back. `bytes` is what its owner will say; leave it
  // out where the allocator is not told.
  [[nodiscard]] Fault Freeing(void* start, std::optional<size_t> bytes = {}) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = blocks_.find(AddressOf(start));
    if (found == blocks_.end()) return SayUnknown(start);
    if (bytes.value_or(found->second.bytes) != found->second.bytes) {
      return Say(Text(*found), " is freed with a size of ", *bytes);
    }
    const Fault fault = DamageIn(*found);
    if (!fault) blocks_.erase(found);
    return fault;
  }

  // A block that is between two places, because its owner asked for another
  // size. Nobody else knows it meanwhile.
  struct Moving {
    uintptr_t from;
    Block block;
  };

  // The block is about to be reallocated. Fills `moving`.
  [[nodiscard]] Fault BeginMove(void* start, Moving* moving) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = blocks_.find(AddressOf(start));
    if (found == blocks_.end()) return SayUnknown(start);
    const Fault fault = DamageIn(*found);
    if (fault) return fault;
    *moving = Moving{found->first, found->second};
    blocks_.erase(found);
    return {};
  }

  // The allocator gave `start` with `bytes` for it, so the contents must have
  // come along; they are then replaced.
  [[nodiscard]] Fault EndMove(const Moving& moving, void* start, size_t bytes) {
    const size_t kept = std::min(moving.block.bytes, bytes);
    if (start != nullptr) {
      const size_t damage = FirstDamageIn(start, moving.block, kept);
      if (damage < kept) {
        return Say("byte ", damage, " of ", kept, " was lost on the way from ",
                   Pointer(moving.from), " to ", start);
      }
    }
    return Allocated(start, bytes);
  }

  // The allocator refused, so the block stays as it was.
  [[nodiscard]] Fault CancelMove(const Moving& moving) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return DamageIn(*blocks_.emplace(moving.from, moving.block).first);
  }

  // Looks at the next `count` live blocks, going round and round.
  [[nodiscard]] Fault CheckSome(size_t count) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto next = blocks_.upper_bound(last_checked_);
    for (count = std::min(count, blocks_.size()); count > 0; --count) {
      if (next == blocks_.end()) next = blocks_.begin();
      const Fault fault = DamageIn(*next);
      if (fault) return fault;
      last_checked_ = next->first;
      ++next;
    }
    return {};
  }

  [[nodiscard]] Fault CheckAll() { return CheckSome(SIZE_MAX); }

  // Keeps all others out of the books, until it is unlocked. A process that
  // forks meanwhile has a child that finds them whole, and held, too.
  [[nodiscard]] std::unique_lock<std::mutex> Hold() {
    return std::unique_lock<std::mutex>(mutex_);
  }

  size_t live() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return blocks_.size();
  }

 private:
  using Entry = Books::value_type;

  static uintptr_t AddressOf(const void* start) {
    return reinterpret_cast<uintptr_t>(start);
  }
  static void* Pointer(uintptr_t address) {
    return reinterpret_cast<void*>(address);
  }

  template <typename... Parts>
  static std::string Say(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    return text.str();
  }

  static std::string Text(const Entry& entry) {
    return Say("the live block ", Pointer(entry.first), " of ",
               entry.second.extent, " bytes");
  }

  std::string SayUnknown(const void* start) const {
    const auto next = blocks_.upper_bound(AddressOf(start));
    if (next == blocks_.begin()) return Say(start, " is no live block");
    return Say(start, " is no live block; the one before it is ",
               Text(*std::prev(next)));
  }

  // Puts a block into the books, if it shares no byte with a live one, and
  // fills it. REQUIRES: mutex_ is held.
  Fault Enter(uintptr_t address, size_t bytes, size_t extent) {
    Block block{bytes, extent, 0};
    if (address + block.Room() < address) {
      return Say(Pointer(address), ", for ", extent,
                 " bytes, reaches beyond the end of memory");
    }
    const Entry* other = Overlapped(address, block.Room());
    if (other != nullptr) {
      return Say(Pointer(address), ", for ", extent, " bytes, overlaps with ",
                 Text(*other));
    }
    // The count makes what the block held in an earlier life wrong in this one.
    block.key = PatternWord(address, ++entered_);
    Fill(Pointer(address), block);
    blocks_.emplace(address, block);
    return {};
  }

  // The live block that shares a byte with [address, address + room), or null.
  // Live blocks share none, so only two can: the first that does not start
  // before `address`, and the last that does.
  const Entry* Overlapped(uintptr_t address, size_t room) const {
    const auto next = blocks_.lower_bound(address);
    if (next != blocks_.end() && next->first - address < room) return &*next;
    if (next == blocks_.begin()) return nullptr;
    const auto before = std::prev(next);
    return address - before->first < before->second.Room() ? &*before : nullptr;
  }

  // The pattern lies in [0, head) and in [tail, extent).
  struct Edges {
    size_t head;
    size_t tail;
  };
  Edges EdgesOf(const Block& block) const {
    const size_t head = std::min(block.extent, edge_);
    return {head, std::max(head, block.extent - head)};
  }

  void Fill(void* start, const Block& block) const {
    const Edges edges = EdgesOf(block);
    FillPattern(start, edges.head, block.key);
    FillPattern(static_cast<char*>(start) + edges.tail,
                block.extent - edges.tail, ~block.key);
  }

  // The offset of the first damaged byte below `limit`; `limit` if none.
  size_t FirstDamageIn(const void* start, const Block& block,
                       size_t limit) const {
    const Edges edges = EdgesOf(block);
    const size_t head = std::min(edges.head, limit);
    const size_t damage = FirstDamage(start, head, block.key);
    if (damage < head) return damage;
    if (limit <= edges.tail) return limit;
    return edges.tail +
           FirstDamage(static_cast<const char*>(start) + edges.tail,
                       limit - edges.tail, ~block.key);
  }

  Fault DamageIn(const Entry& entry) const {
    const size_t extent = entry.second.extent;
    const size_t damage =
        FirstDamageIn(Pointer(entry.first), entry.second, extent);
    if (damage == extent) return {};
    return Say("byte ", damage, " of ", Text(entry), " was overwritten");
  }

  const size_t edge_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  PrivateMemory memory_;
  Books blocks_{PrivateAllocator<Entry>(&memory_)};  // by address
  uint64_t entered_ = 0;                             // blocks, ever
  uintptr_t last_checked_ = 0;
};

}  // namespace course

#endif  // COURSE_TESTING_SHADOW_HEAP_H_
