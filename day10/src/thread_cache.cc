#include "pool/thread_cache.h"

#include <algorithm>
#include <cerrno>

#include "pool/watch.h"

namespace pool {

CONSTINIT ThreadCache ThreadCache::unborn_;
CONSTINIT ThreadCache ThreadCache::watched_;
CONSTINIT ThreadCache ThreadCache::dead_;
CONSTINIT thread_local ThreadCache* ThreadCache::current_ =
    &ThreadCache::unborn_;
CONSTINIT thread_local ThreadCache* ThreadCache::own_ = nullptr;

//! [Slot::Load]
// The magazine that was loaded, with its count; nullptr, if there was none.
Magazine* ThreadCache::Slot::Unload() {
  if (Floor() == nullptr) return nullptr;
  Magazine* magazine = Magazine::Of(Floor());
  magazine->count = static_cast<uint32_t>(Top() - Floor());
  Load(nullptr, 0);
  return magazine;
}

void ThreadCache::Slot::Load(Magazine* magazine, size_t size) {
  void** start = magazine == nullptr ? nullptr : magazine->Objects();
  const size_t count = magazine == nullptr ? 0 : magazine->count;
  const size_t room = magazine == nullptr ? 0 : magazine->RoomFor(size);
  floor.store(start, std::memory_order_relaxed);
  ceiling.store(start + room, std::memory_order_relaxed);
  SetTop(start + count);
}
//! [Slot::Load]

size_t ThreadCache::Slot::Loaded() const {
  const ptrdiff_t count = Top() - Floor();
  const ptrdiff_t most = tuning::kMagazineLengths[Magazine::kLongest];
  return count >= 0 && count <= most ? static_cast<size_t>(count) : 0;
}

//! [ThreadCache::AllocateSlow]
void* ThreadCache::AllocateSlow(size_t bytes) noexcept {
  const ClassIndex index = SizeClass::ForRequest(bytes);
  if (Watch::On()) return AllocateWatched(index, bytes);
  return TakeOrFetch(Own(), index, bytes);
}

// A miss is one request in many, and as good as any of them: how much of the
// object it does not want is known here.
void* ThreadCache::TakeOrFetch(ThreadCache* cache, ClassIndex index,
                               size_t bytes) {
  if (cache == nullptr) return FetchOne(index, bytes);
  Slot& slot = cache->SlotOf(index);
  if (slot.Empty() && slot.spare != nullptr && slot.spare->count > 0) {
    cache->Swap(index);
  }
  if (!slot.Empty()) return slot.Pop();
  if (!cache->Refill(index)) return FetchOne(index, bytes);
  cache->CountWaste(index, SizeClass::Size(index) - bytes);
  void* object = slot.Pop();
  Watch::ServeIfDue();
  UpkeepIfDue();
  return object;
}
//! [ThreadCache::AllocateSlow]

void* ThreadCache::FetchOne(ClassIndex index, size_t bytes) {
  const size_t size = SizeClass::Size(index);
  void* object;
  if (CentralCache::Get().FetchRangeObj(&object, 1, size) == 0) {
    errno = ENOMEM;
    return nullptr;
  }
  dead_.waste_[index].fetch_add(size - bytes, std::memory_order_relaxed);
  return object;
}

//! [ThreadCache::AllocateWatched]
POOL_FRAME NOINLINE void* ThreadCache::AllocateWatched(ClassIndex index,
                                                       size_t bytes) noexcept {
  void* object = Watch::AllocateSampled(bytes);
  if (object != nullptr) return object;
  ThreadCache* cache = Own();
  const bool hit = cache != nullptr && cache->CachedObjects(index) > 0;
  object = TakeOrFetch(cache, index, bytes);
  if (object != nullptr) Watch::Allocated(object, bytes, hit);
  return object;
}
//! [ThreadCache::AllocateWatched]

//! [ThreadCache::Refill]
// The spare magazine goes, and one with objects comes. The empty one that was
// loaded is the spare one now, for objects that come back.
bool ThreadCache::Refill(ClassIndex index) {
  Count(fetches_, 1);
  Slot& slot = SlotOf(index);
  Magazine* loaded = CentralCache::Get().TakeLoaded(index, slot.spare);
  if (loaded == nullptr) return Fill(index);
  SetSpare(index, slot.Unload());
  slot.Load(loaded, SizeClass::Size(index));
  KeepWithinBounds(index);
  return true;
}
//! [ThreadCache::Refill]

//! [ThreadCache::Fill]
// The depot has nothing: objects come from spans. A thread that has asked for
// more than its magazine holds gets a longer one.
bool ThreadCache::Fill(ClassIndex index) {
  const size_t size = SizeClass::Size(index);
  Slot& slot = SlotOf(index);
  Magazine* magazine = slot.Unload();
  if (magazine == nullptr || magazine->kind < LongestKind(size)) {
    Magazine* longer = NewMagazineFor(index);
    if (longer != nullptr) std::swap(magazine, longer);
    DeleteMagazine(longer);
  }
  if (magazine == nullptr) return false;
  magazine->count = static_cast<uint32_t>(CentralCache::Get().FetchRangeObj(
      magazine->Objects(), magazine->RoomFor(size), size));
  slot.Load(magazine, size);
  KeepWithinBounds(index);
  return !slot.Empty();
}
//! [ThreadCache::Fill]

//! [ThreadCache::DeallocateSlow]
void ThreadCache::DeallocateSlow(void* object, ClassIndex index) noexcept {
  if (Watch::On()) Watch::Freed(object);
  ThreadCache* cache = Own();
  if (cache != nullptr) {
    Slot& slot = cache->SlotOf(index);
    if (!slot.Full()) return slot.Push(object);
    if (cache->MakeRoom(index)) {
      slot.Push(object);
      return UpkeepIfDue();
    }
  }
  CentralCache::Get().ReleaseListToSpans(&object, 1, SizeClass::Size(index));
}
//! [ThreadCache::DeallocateSlow]

//! [ThreadCache::MakeRoom]
// The spare magazine, full, goes to the depot, and an empty one comes. The full
// one that was loaded is the spare one now.
bool ThreadCache::MakeRoom(ClassIndex index) {
  Slot& slot = SlotOf(index);
  if (slot.spare != nullptr && slot.spare->count == 0) {
    Swap(index);
    return true;
  }
  Magazine* empty = nullptr;
  if (slot.spare != nullptr) {
    empty = CentralCache::Get().LeaveLoaded(index, slot.spare);
    SetSpare(index, nullptr);
  }
  if (empty == nullptr) empty = NewMagazineFor(index);
  if (empty != nullptr) {
    SetSpare(index, slot.Unload());
    slot.Load(empty, SizeClass::Size(index));
  }
  KeepWithinBounds(index);
  return empty != nullptr;
}
//! [ThreadCache::MakeRoom]

void ThreadCache::Swap(ClassIndex index) {
  Slot& slot = SlotOf(index);
  Magazine* spare = slot.spare;
  SetSpare(index, slot.Unload());
  slot.Load(spare, SizeClass::Size(index));
}

void ThreadCache::SetSpare(ClassIndex index, Magazine* magazine) {
  SlotOf(index).spare = magazine;
  spare_objects_[SizeClass::TagOf(index)].store(
      magazine == nullptr ? 0 : magazine->count, std::memory_order_relaxed);
}

Magazine* ThreadCache::NewMagazineFor(ClassIndex index) {
  uint8_t& kind = next_kind_[SizeClass::TagOf(index)];
  Magazine* magazine = NewMagazine(kind);
  if (kind < LongestKind(SizeClass::Size(index))) ++kind;
  return magazine;
}

// Two magazines of the busy class always fit, or the hand below would never
// come to rest.
static_assert(2 * tuning::kMagazineBytes <= tuning::kThreadBytes &&
              2 * tuning::kMagazineLeast * SizeClass::kLargestSize <=
                  tuning::kThreadBytes);

//! [ThreadCache::KeepWithinBounds]
// A slot whose top is where it was has hardly been used meanwhile. The hand
// takes no more than two rounds: in the second, no top moves. The slot that was
// just served stays: two magazines are within bounds.
void ThreadCache::KeepWithinBounds(ClassIndex busy) {
  CountRoom(busy);
  while (room_ > tuning::kThreadBytes) {
    hand_ = hand_ % SizeClass::kCount + 1;
    const ClassIndex index = SizeClass::ClassOf(hand_);
    if (index == busy || class_room_[hand_] == 0) continue;
    void** top = slots_[hand_].Top();
    if (top == seen_top_[hand_]) Drop(index);
    seen_top_[hand_] = top;
  }
}

void ThreadCache::CountRoom(ClassIndex index) {
  const size_t size = SizeClass::Size(index);
  const Slot& slot = SlotOf(index);
  size_t objects = static_cast<size_t>(slot.Ceiling() - slot.Floor());
  if (slot.spare != nullptr) objects += slot.spare->RoomFor(size);
  uint32_t& room = class_room_[SizeClass::TagOf(index)];
  room_ -= room;
  room = static_cast<uint32_t>(objects * size);
  room_ += room;
}
//! [ThreadCache::KeepWithinBounds]

//! [ThreadCache::Drop]
void ThreadCache::Drop(ClassIndex index) {
  Slot& slot = SlotOf(index);
  for (Magazine* magazine : {slot.Unload(), slot.spare}) {
    if (magazine != nullptr) CentralCache::Get().Leave(index, magazine);
  }
  SetSpare(index, nullptr);
  next_kind_[SizeClass::TagOf(index)] = 0;
  CountRoom(index);
}

void ThreadCache::Release(ClassIndex index) {
  Slot& slot = SlotOf(index);
  for (Magazine* magazine : {slot.Unload(), slot.spare}) {
    if (magazine == nullptr) continue;
    if (magazine->count > 0) {
      CentralCache::Get().ReleaseListToSpans(
          magazine->Objects(), magazine->count, SizeClass::Size(index));
      magazine->count = 0;
    }
    DeleteMagazine(magazine);
  }
  SetSpare(index, nullptr);
  next_kind_[SizeClass::TagOf(index)] = 0;
  CountRoom(index);
}
//! [ThreadCache::Drop]

//! [ThreadCache::Reserve]
// The thread's cache takes memory, and its magazine: they are made now.
bool ThreadCache::Reserve(size_t bytes, size_t count) {
  ThreadCache* cache = Own();
  if (cache == nullptr && this != &dead_) return false;
  const ClassIndex index = SizeClass::ForRequest(bytes);
  if (cache != nullptr && !cache->LoadLongest(index)) return false;
  return CentralCache::Get().Reserve(SizeClass::Size(index), count);
}

// The loaded magazine becomes one that is long enough for ever. False, if there
// is no memory for any.
bool ThreadCache::LoadLongest(ClassIndex index) {
  const size_t size = SizeClass::Size(index);
  Slot& slot = SlotOf(index);
  Magazine* longest = NewMagazine(LongestKind(size));
  if (longest == nullptr) return slot.Floor() != nullptr;
  Magazine* old = slot.Unload();
  if (old != nullptr) {
    std::copy_n(old->Objects(), old->count, longest->Objects());
    std::swap(longest->count, old->count);
  }
  DeleteMagazine(old);
  slot.Load(longest, size);
  next_kind_[SizeClass::TagOf(index)] = static_cast<uint8_t>(longest->kind);
  KeepWithinBounds(index);
  return true;
}
//! [ThreadCache::Reserve]

size_t ThreadCache::CachedObjects(ClassIndex index) const {
  const size_t tag = SizeClass::TagOf(index);
  return slots_[tag].Loaded() +
         spare_objects_[tag].load(std::memory_order_relaxed);
}

size_t ThreadCache::CachedBytes() const {
  size_t bytes = 0;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    bytes += CachedObjects(ClassIndex(i)) * SizeClass::Size(ClassIndex(i));
  }
  return bytes;
}

void ThreadCache::Validate() const {
  size_t room = 0;
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const ClassIndex index(i);
    const size_t tag = SizeClass::TagOf(index);
    const Slot& slot = slots_[tag];
    CHECK(slot.Floor() <= slot.Top() && slot.Top() <= slot.Ceiling());
    size_t objects = static_cast<size_t>(slot.Ceiling() - slot.Floor());
    if (slot.spare != nullptr) {
      const size_t most = slot.spare->RoomFor(SizeClass::Size(index));
      CHECK(slot.spare->count == 0 || slot.spare->count == most);
      CHECK(slot.spare->count == spare_objects_[tag]);
      objects += most;
    }
    CHECK(objects * SizeClass::Size(index) == class_room_[tag]);
    room += class_room_[tag];
  }
  CHECK(slots_[0].Full() && slots_[0].Empty());
  CHECK(room == room_ && room_ <= tuning::kThreadBytes);
}

}  // namespace pool
