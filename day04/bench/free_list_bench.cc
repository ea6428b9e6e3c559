// Free objects linked by index against free objects linked by pointer.
//
// Both lists are last in, first out, over the same objects side by side. An
// index needs its block's address before it leads anywhere, and on the way back
// a look at which block and which object this is. A pointer is the object.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "pool/fixed_pool.h"
#include "pool/free_list.h"

namespace {

constexpr size_t kBytes = 64;
constexpr size_t kObjects = 1000;

// One block, so that there is no search for the one that owns an object.
class IndexList {
 public:
  void* Take() { return pool_.Allocate(); }
  void GiveBack(void* object) { pool_.Deallocate(object); }

 private:
  pool::FixedPool pool_{kBytes, kBytes, kObjects, 0};
};

class PointerList {
 public:
  PointerList() : objects_(kObjects) {
    for (size_t i = kObjects; i-- > 0;) list_.Push(&objects_[i]);
  }
  void* Take() { return list_.Pop(); }
  void GiveBack(void* object) { list_.Push(object); }

 private:
  struct alignas(kBytes) Object {
    char bytes[kBytes];
  };
  std::vector<Object> objects_;
  pool::FreeList list_;
};

// Each object goes back before the next is taken: always the same one.
template <typename List>
void Pairs(benchmark::State& state) {
  List list;
  for (auto _ : state) {
    char* object = static_cast<char*>(list.Take());
    *object = 1;
    benchmark::DoNotOptimize(object);
    list.GiveBack(object);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Pairs<IndexList>)->Name("Pairs/index");
BENCHMARK(Pairs<PointerList>)->Name("Pairs/pointer");

// All objects are taken, and then go back in a random order, which is the order
// in which they are taken the next time.
template <typename List>
void Waves(benchmark::State& state) {
  List list;
  std::vector<size_t> order(kObjects);
  for (size_t i = 0; i < kObjects; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  std::vector<void*> objects(kObjects);
  for (auto _ : state) {
    for (void*& object : objects) {
      object = list.Take();
      *static_cast<char*>(object) = 1;
    }
    for (const size_t i : order) list.GiveBack(objects[i]);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kObjects));
}
BENCHMARK(Waves<IndexList>)->Name("Waves/index");
BENCHMARK(Waves<PointerList>)->Name("Waves/pointer");

}  // namespace
