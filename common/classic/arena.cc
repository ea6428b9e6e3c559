#include "common/classic/arena.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace course::classic {
namespace {

constexpr size_t kMaxArenaBytes = UINT32_MAX;  // sizes in headers are 32 bits

[[noreturn]] void Die(const char* call, const void* pointer, const char* why) {
  std::fprintf(stderr, "course::classic: %s(%p): %s\n", call, pointer, why);
  std::abort();
}

std::string Complain(size_t offset, const char* what) {
  return "block at offset " + std::to_string(offset) + ": " + what;
}

}  // namespace

size_t BlockBytesFor(size_t asked) {
  const size_t bytes = kHeaderBytes + asked;
  return std::max(kMinBlockBytes, (bytes + kAlignment - 1) & ~(kAlignment - 1));
}

Arena::Arena(void* start, size_t bytes) {
  const size_t skip = -reinterpret_cast<uintptr_t>(start) & (kAlignment - 1);
  if (start == nullptr || bytes < skip + kMinBlockBytes) {
    Die("Arena", start, "the range is too small for one block");
  }
  if (bytes > kMaxArenaBytes) {
    Die("Arena", start, "the range is larger than 4 GiB");
  }
  start_ = static_cast<char*>(start) + skip;
  bytes_ = (bytes - skip) & ~(kAlignment - 1);
}

void* Arena::Allocate(size_t bytes) {
  steps_ = 0;
  // The first test keeps the rounding in BlockBytesFor from overflowing.
  Block* block = bytes < bytes_ ? Place(BlockBytesFor(bytes)) : nullptr;
  counters_.search_steps += steps_;
  counters_.longest_search = std::max(counters_.longest_search, steps_);
  if (block == nullptr) {
    ++counters_.refusals;
    return nullptr;
  }
  block->state = BlockState::kLive;
  block->asked = static_cast<uint32_t>(bytes);
  ++counters_.allocations;
  counters_.live_asked += bytes;
  counters_.live_bytes += block->bytes;
  counters_.high_water =
      std::max(counters_.high_water, OffsetOf(block) + block->bytes);
  return reinterpret_cast<char*>(block) + kHeaderBytes;
}

void Arena::Deallocate(void* user) {
  if (user == nullptr) return;
  Block* block = CheckedBlockOf(user);
  ++counters_.releases;
  counters_.live_asked -= block->asked;
  counters_.live_bytes -= block->bytes;
  block->asked = 0;
  steps_ = 0;
  Release(block);
  counters_.release_steps += steps_;
  counters_.longest_release = std::max(counters_.longest_release, steps_);
}

Block* Arena::CheckedBlockOf(void* user) const {
  // By way of integers: a pointer to elsewhere must not be moved about.
  const uintptr_t header = reinterpret_cast<uintptr_t>(user) - kHeaderBytes;
  if (!Holds(reinterpret_cast<void*>(header))) {
    Die("Deallocate", user, "not a block of this arena");
  }
  Block* block = reinterpret_cast<Block*>(header);
  if (block->state == BlockState::kFree) {
    Die("Deallocate", user, "this block is free already");
  }
  if (block->state != BlockState::kLive || !StandsRight(block)) {
    Die("Deallocate", user, "no live block begins here");
  }
  return block;
}

bool Arena::Holds(const void* address) const {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(address) -
                           reinterpret_cast<uintptr_t>(start_);
  return offset <= bytes_ - kMinBlockBytes && offset % kAlignment == 0;
}

std::vector<BlockView> Arena::Blocks() const {
  std::vector<BlockView> views;
  for (const Block* b = At(0); b != nullptr; b = Right(b)) {
    views.push_back(
        {OffsetOf(b), b->bytes, b->asked, b->state == BlockState::kLive});
  }
  return views;
}

FreeSpace Arena::Free() const {
  FreeSpace space;
  for (const Block* b = At(0); b != nullptr; b = Right(b)) {
    if (b->state == BlockState::kLive) continue;
    ++space.holes;
    space.bytes += b->bytes;
    space.largest = std::max<size_t>(space.largest, b->bytes);
  }
  return space;
}

size_t Arena::LargestRequest() const {
  const size_t largest = Free().largest;
  return largest == 0 ? 0 : largest - kHeaderBytes;
}

std::string Arena::Validate() const {
  std::string wrong = ValidateTiling();  // first: the others walk the blocks
  if (wrong.empty()) wrong = ValidateCounters();
  if (wrong.empty()) wrong = ValidatePolicy();
  return wrong;
}

std::string Arena::ValidateTiling() const {
  size_t offset = 0;
  while (offset < bytes_) {
    const Block* block = At(offset);
    if (block->bytes < kMinBlockBytes || block->bytes % kAlignment != 0) {
      return Complain(offset, "its size cannot be");
    }
    if (block->bytes > bytes_ - offset) {
      return Complain(offset, "it runs over the end of the arena");
    }
    if (block->state != BlockState::kLive &&
        block->state != BlockState::kFree) {
      return Complain(offset, "it is neither live nor free");
    }
    if (block->state == BlockState::kLive &&
        block->asked > block->bytes - kHeaderBytes) {
      return Complain(offset, "it is smaller than what was asked for");
    }
    offset += block->bytes;
  }
  return "";
}

std::string Arena::ValidateCounters() const {
  size_t asked = 0;
  size_t live = 0;
  size_t blocks = 0;
  for (const BlockView& block : Blocks()) {
    if (!block.live) continue;
    ++blocks;
    asked += block.asked;
    live += block.bytes;
  }
  if (asked != counters_.live_asked) return "live_asked is not what is live";
  if (live != counters_.live_bytes) return "live_bytes is not what is live";
  if (blocks != counters_.allocations - counters_.releases) {
    return "allocations - releases is not how many blocks live";
  }
  return "";
}

std::string Arena::ValidateList(const Block* first, size_t* holes) const {
  const Block* previous = nullptr;
  // A list that runs in a circle comes to some block twice, and only one of
  // the two ways there can agree with the link back: so this ends.
  for (const Block* hole = first; hole != nullptr; hole = hole->next_hole) {
    if (!Holds(hole)) return "a free list leads out of the arena";
    const size_t offset = OffsetOf(hole);
    if (hole->state != BlockState::kFree) {
      return Complain(offset, "it is in a free list but not free");
    }
    if (hole->previous_hole != previous) {
      return Complain(offset, "its link back is wrong");
    }
    ++*holes;
    previous = hole;
  }
  return "";
}

}  // namespace course::classic
