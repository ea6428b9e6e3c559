// Is unaligned access slow? Reads and writes of 8 and of 16 bytes, at some
// offset from the start of a cache line of 64 bytes. From offset 60 on, a value
// lies on two lines.
//
// Read, Write: one value on each of 256 lines, which all fit in the first
// cache. The time is that of one access; many are under way at once. Chase:
// each value says where the next one is, so one waits for the other: the time
// that one access takes. Page: 8 bytes at the end of a page (4088), and on two
// pages (4092).
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

constexpr size_t kLine = 64;
constexpr size_t kLines = 256;
constexpr size_t kPage = 4096;
constexpr size_t kPages = 4;

alignas(kPage) char memory[(kPages + 1) * kPage];
static_assert(kLines * kLine + kLine <= sizeof(memory));

using Word = uint64_t;
using TwoWords = uint64_t __attribute__((vector_size(16)));

// memcpy is how C++ reads at any address; it becomes one instruction.
template <typename Value>
Value Load(const char* from) {
  Value value;
  memcpy(&value, from, sizeof(value));
  return value;
}

template <typename Value>
void Store(char* to, Value value) {
  memcpy(to, &value, sizeof(value));
}

void SetTimePerAccess(benchmark::State& state, size_t accesses) {
  state.counters["ns"] =
      benchmark::Counter(static_cast<double>(accesses) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate |
                             benchmark::Counter::kInvert);
}

template <typename Value>
void Read(benchmark::State& state) {
  const char* start = memory + state.range(0);
  for (auto _ : state) {
    Value sum = {};
    for (size_t line = 0; line < kLines; ++line) {
      sum += Load<Value>(start + line * kLine);
    }
    benchmark::DoNotOptimize(sum);
    benchmark::ClobberMemory();
  }
  SetTimePerAccess(state, kLines);
}
BENCHMARK(Read<Word>)
    ->Name("Read8")
    ->ArgName("offset")
    ->Arg(0)
    ->Arg(1)
    ->Arg(4)
    ->Arg(60);
BENCHMARK(Read<TwoWords>)
    ->Name("Read16")
    ->ArgName("offset")
    ->Arg(0)
    ->Arg(1)
    ->Arg(4)
    ->Arg(60);

template <typename Value>
void Write(benchmark::State& state) {
  char* start = memory + state.range(0);
  Value value = {};
  for (auto _ : state) {
    value += 1;
    for (size_t line = 0; line < kLines; ++line) {
      Store(start + line * kLine, value);
    }
    benchmark::ClobberMemory();
  }
  SetTimePerAccess(state, kLines);
}
BENCHMARK(Write<Word>)
    ->Name("Write8")
    ->ArgName("offset")
    ->Arg(0)
    ->Arg(1)
    ->Arg(4)
    ->Arg(60);
BENCHMARK(Write<TwoWords>)
    ->Name("Write16")
    ->ArgName("offset")
    ->Arg(0)
    ->Arg(1)
    ->Arg(4)
    ->Arg(60);

// An odd step visits all lines before the first comes again.
void Chase(benchmark::State& state) {
  constexpr size_t kStep = 37;
  char* start = memory + state.range(0);
  for (size_t line = 0; line < kLines; ++line) {
    Store<Word>(start + line * kLine, (line + kStep) % kLines * kLine);
  }
  Word at = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < kLines; ++i) at = Load<Word>(start + at);
    benchmark::DoNotOptimize(at);
  }
  SetTimePerAccess(state, kLines);
}
BENCHMARK(Chase)->ArgName("offset")->Arg(0)->Arg(1)->Arg(4)->Arg(60);

void ReadAtPageEdge(benchmark::State& state) {
  const char* start = memory + state.range(0);
  for (auto _ : state) {
    Word sum = 0;
    for (size_t page = 0; page < kPages; ++page) {
      sum += Load<Word>(start + page * kPage);
    }
    benchmark::DoNotOptimize(sum);
    benchmark::ClobberMemory();
  }
  SetTimePerAccess(state, kPages);
}
BENCHMARK(ReadAtPageEdge)->ArgName("offset")->Arg(4088)->Arg(4092);

void WriteAtPageEdge(benchmark::State& state) {
  char* start = memory + state.range(0);
  Word value = 0;
  for (auto _ : state) {
    ++value;
    for (size_t page = 0; page < kPages; ++page) {
      Store(start + page * kPage, value);
    }
    benchmark::ClobberMemory();
  }
  SetTimePerAccess(state, kPages);
}
BENCHMARK(WriteAtPageEdge)->ArgName("offset")->Arg(4088)->Arg(4092);

}  // namespace
