#include "common/testing/stress/caller.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "common/testing/pattern.h"
#include "common/testing/stress/findings.h"
#include "pool/pool.h"

namespace course {
namespace {

size_t DrawAlignment(Random& random) {
  // Above a page, the block is a large one.
  return size_t{1} << random.Below(random.Below(8) == 0 ? 22 : 14);
}

void DemandZeros(const void* start, size_t bytes) {
  const char* seen = static_cast<const char*>(start);
  // All are zero, if the first is and each is as the one before.
  if (bytes == 0 || (seen[0] == 0 && !std::memcmp(seen, seen + 1, bytes - 1))) {
    return;
  }
  Found("AllocateZeroed(" + std::to_string(bytes) + ") gave other than zeros");
}

}  // namespace

// A refused request.

void Caller::Refused(Call call, uint64_t refusals_before, const char* what,
                     size_t bytes) {
  const int error = errno;
  const size_t index = static_cast<size_t>(call);
  ++tally_.refused[index];
  if (error == ENOMEM && world_.kernel.refused() != refusals_before) return;
  const std::string no_such =
      std::string(kCallNames[index]) + " gave no " + what;
  if (error != ENOMEM) {
    Found(no_such + ", but errno is " + std::to_string(error));
  }
  Found(no_such + " for " + std::to_string(bytes) +
        " bytes, and the kernel had refused nothing");
}

template <typename Request>
void* Caller::Ask(Call call, size_t bytes, Request request) {
  const uint64_t refusals = world_.kernel.refused();
  Count(call);
  tally_.bytes += bytes;
  errno = 0;
  void* start = request();
  if (start == nullptr) Refused(call, refusals, "block", bytes);
  return start;
}

// To obtain a block.

void* Caller::ObtainAligned(Owned* block, Random& random) {
  block->alignment = DrawAlignment(random);
  return Ask(Call::kAllocateAligned, block->bytes, [&] {
    return pool::AllocateAligned(block->bytes, block->alignment);
  });
}

void* Caller::ObtainZeroed(size_t bytes, Random& random) {
  const size_t count = size_t{1} << random.Below(4);
  const size_t size = bytes / count;
  void* start = Ask(Call::kAllocateZeroed, bytes, [&] {
    return bytes % count == 0 ? pool::AllocateZeroed(count, size)
                              : pool::AllocateZeroed(bytes, 1);
  });
  if (start != nullptr) DemandZeros(start, bytes);
  return start;
}

bool Caller::Obtain(size_t bytes, Owned* block, Random& random) {
  *block = Owned{nullptr, bytes, 0};
  switch (random.Below(8)) {
    case 0:
      block->start = ObtainAligned(block, random);
      break;
    case 1:
      block->start = ObtainZeroed(bytes, random);
      break;
    case 2:
      block->start = Ask(Call::kReallocate, bytes,
                         [=] { return pool::Reallocate(nullptr, bytes); });
      break;
    default:
      block->start =
          Ask(Call::kAllocate, bytes, [=] { return pool::Allocate(bytes); });
  }
  if (block->start == nullptr) return false;
  const size_t alignment =
      block->alignment == 0 ? 0 : std::max<size_t>(block->alignment, 8);
  Demand(world_.heap.Allocated(block->start, bytes, alignment));
  world_.Hold(bytes);
  return true;
}

// To give it back, and all that may be done to it meanwhile.

void Caller::Free(const Owned& block, Random& random) {
  if (block.alignment != 0 && random.Below(2) == 0) {
    Count(Call::kDeallocateAligned);
    return pool::DeallocateAligned(block.start, block.bytes, block.alignment);
  }
  if (block.alignment == 0 && random.Below(2) == 0) {
    Count(Call::kDeallocateSized);
    return pool::Deallocate(block.start, block.bytes);
  }
  if (random.Below(16) == 0) {
    Count(Call::kReallocate);
    if (pool::Reallocate(block.start, 0) == nullptr) return;
    Found("Reallocate to 0 bytes gave a block");
  }
  Count(Call::kDeallocate);
  pool::Deallocate(block.start);
}

void Caller::GiveBack(const Owned& block, Random& random) {
  Demand(world_.heap.Freeing(block.start, block.bytes));
  errno = EDOM;
  Free(block, random);
  if (errno != EDOM) Found("a free changed errno to " + std::to_string(errno));
  world_.LetGo(block.bytes);
}

void Caller::Resize(Owned* block, size_t bytes) {
  ShadowHeap::Moving moving{};
  Demand(world_.heap.BeginMove(block->start, &moving));
  void* start = Ask(Call::kReallocate, bytes,
                    [&] { return pool::Reallocate(block->start, bytes); });
  if (start == nullptr) {
    if (bytes <= block->bytes) Found("Reallocate refused to shrink a block");
    return Demand(world_.heap.CancelMove(moving));
  }
  Demand(world_.heap.EndMove(moving, start, bytes));
  world_.Hold(bytes);
  world_.LetGo(block->bytes);
  *block = Owned{start, bytes, 0};
}

void Caller::LearnUsableSize(const Owned& block) {
  Count(Call::kUsableSize);
  Demand(world_.heap.Widened(block.start, pool::UsableSize(block.start)));
}

// A sprint.

size_t Caller::SprintOnce(size_t bytes, size_t count, Random& random) {
  constexpr size_t kMost = 256;
  void* blocks[kMost];
  size_t there = 0;
  const uint64_t key = random.Next();
  for (count = std::min(count, kMost); there < count; ++there) {
    blocks[there] =
        Ask(Call::kAllocate, bytes, [=] { return pool::Allocate(bytes); });
    if (blocks[there] == nullptr) break;
    FillPattern(blocks[there], bytes, key + there);
  }
  const bool last_first = random.Below(2) == 0;
  for (size_t i = 0; i < there; ++i) {
    const size_t which = last_first ? there - 1 - i : i;
    if (FirstDamage(blocks[which], bytes, key + which) != bytes) {
      Found("a block of " + std::to_string(bytes) +
            " bytes was overwritten in a sprint");
    }
    Free(Owned{blocks[which], bytes, 0}, random);
  }
  return there;
}

void Caller::Sprint(Random& random) {
  const size_t bytes = random.Pareto(1, 512) * 8;
  const size_t count = 1 + random.Below(256);
  for (size_t rounds = 1 + random.Below(4); rounds > 0; --rounds) {
    if (SprintOnce(bytes, count, random) < count) return;
  }
}

// Calls that give no block.

void Caller::DemandRefusal(Call call, bool refused, int expected_errno) {
  const int error = errno;
  const size_t index = static_cast<size_t>(call);
  ++tally_.in_vain[index];
  Count(call);
  if (refused && error == expected_errno) return;
  Found(std::string(kCallNames[index]) + " was asked for what cannot be, and " +
        (refused ? "errno is " + std::to_string(error) : "granted it"));
}

void Caller::AskForTheImpossible(Random& random) {
  const size_t most = SIZE_MAX - random.Below(4096);
  const size_t half = SIZE_MAX / 2 + 1 + random.Below(4096);
  errno = 0;
  switch (random.Below(6)) {
    case 0:
      return DemandRefusal(Call::kAllocate, !pool::Allocate(most), ENOMEM);
    case 1:
      return DemandRefusal(Call::kAllocateZeroed,
                           !pool::AllocateZeroed(half, 2 + random.Below(9)),
                           ENOMEM);
    case 2:
      return DemandRefusal(
          Call::kAllocateAligned,
          !pool::AllocateAligned(100, 3 * random.Below(1000) * 2), EINVAL);
    case 3:
      return DemandRefusal(Call::kAllocateAligned,
                           !pool::AllocateAligned(half, 4096), ENOMEM);
    case 4:
      return DemandRefusal(Call::kReallocate, !pool::Reallocate(nullptr, half),
                           ENOMEM);
    default:
      return DemandRefusal(Call::kReserve, !pool::Reserve(half, 2), ENOMEM);
  }
}

void Caller::GiveBackNothing(Random& random) {
  pool::Deallocate(nullptr);
  pool::Deallocate(nullptr, random.Below(1000));
  pool::DeallocateAligned(nullptr, random.Below(1000), DrawAlignment(random));
  if (pool::UsableSize(nullptr) != 0) Found("nullptr has a usable size");
}

void Caller::Reserve(size_t bytes, size_t count) {
  const uint64_t refusals = world_.kernel.refused();
  Count(Call::kReserve);
  errno = 0;
  if (pool::Reserve(bytes, count)) return;
  Refused(Call::kReserve, refusals, "room", bytes * count);
}

void Caller::ReleaseFreeMemory() {
  Count(Call::kReleaseFreeMemory);
  pool::ReleaseFreeMemory();
}

}  // namespace course
