#include "common/classic/made_traces.h"

#include <deque>
#include <random>

namespace course::classic {
namespace {

// Whole numbers only, and none of the library's distributions: their results
// differ from one standard library to the next.
class Dice {
 public:
  uint32_t Below(uint32_t bound) { return engine_() % bound; }
  uint32_t Between(uint32_t low, uint32_t high) {  // both included
    return low + Below(high - low + 1);
  }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  template <size_t N>
  uint32_t OneOf(const uint32_t (&choices)[N]) {
    return choices[Below(N)];
  }

 private:
  std::mt19937 engine_;  // its default seed, so the same dice for everyone
};

void FreeAll(Trace* trace, const std::vector<uint32_t>& blocks) {
  for (uint32_t block : blocks) trace->Free(block);
}

uint32_t TakeAny(std::vector<uint32_t>* blocks, Dice* dice) {
  const size_t index = dice->Below(static_cast<uint32_t>(blocks->size()));
  const uint32_t block = (*blocks)[index];
  (*blocks)[index] = blocks->back();
  blocks->pop_back();
  return block;
}

// One source file: a tree of small nodes, names of which some stay for good,
// and an array that doubles as it grows.
void ParseFile(Trace* trace, Dice* dice, std::vector<uint32_t>* tree) {
  uint32_t array_bytes = 64;
  uint32_t array = trace->Allocate(array_bytes);
  for (uint32_t node = 0; node < 300; ++node) {
    tree->push_back(trace->Allocate(dice->OneOf({24, 32, 40, 48, 56, 72, 96})));
    if (dice->OneIn(3)) {
      const uint32_t name = trace->Allocate(dice->Between(3, 28));
      if (!dice->OneIn(5)) tree->push_back(name);  // else a symbol: it stays
    }
    if (node * 8 == array_bytes) {
      array_bytes *= 2;
      const uint32_t larger = trace->Allocate(array_bytes);
      trace->Free(array);
      array = larger;
    }
  }
  tree->push_back(array);
}

// One function: much that lives for a moment, freed all at once, and a piece
// of machine code that lives until the file is done.
void CompileFunction(Trace* trace, Dice* dice, std::vector<uint32_t>* code) {
  std::vector<uint32_t> moment;
  for (uint32_t i = 0; i < 120; ++i) {
    moment.push_back(trace->Allocate(dice->OneOf({32, 48, 64, 80, 112, 160})));
    if (dice->OneIn(20)) {
      moment.push_back(trace->Allocate(dice->Between(400, 3000)));
    }
    if (dice->OneIn(4)) trace->Free(TakeAny(&moment, dice));
  }
  code->push_back(trace->Allocate(dice->Between(100, 900)));
  FreeAll(trace, moment);
}

Trace Compiler() {
  Trace trace{
      "compiler", "ten source files, each parsed, compiled, forgotten", {}, 0};
  Dice dice;
  for (int file = 0; file < 10; ++file) {
    std::vector<uint32_t> tree;
    std::vector<uint32_t> code;
    ParseFile(&trace, &dice, &tree);
    for (int i = 0; i < 6; ++i) CompileFunction(&trace, &dice, &code);
    trace.Allocate(dice.Between(6000, 14000));  // the object file: it stays
    FreeAll(&trace, code);
    FreeAll(&trace, tree);
  }
  return trace;
}

// Sessions live long and die in any order, a cache forgets its oldest entry,
// and each request's blocks die a few requests later.
Trace Server() {
  Trace trace{
      "server", "long sessions, a cache, and short requests, mixed", {}, 0};
  Dice dice;
  std::vector<uint32_t> sessions;
  std::deque<uint32_t> cache;
  std::deque<std::vector<uint32_t>> requests;
  for (int turn = 0; turn < 2500; ++turn) {
    if (dice.OneIn(3)) {
      sessions.push_back(trace.Allocate(dice.Between(150, 500)));
      sessions.push_back(trace.Allocate(dice.OneOf({256, 512, 1024})));
    }
    if (sessions.size() > 150) {
      trace.Free(TakeAny(&sessions, &dice));
      trace.Free(TakeAny(&sessions, &dice));
    }
    if (dice.OneIn(4)) cache.push_back(trace.Allocate(dice.Between(40, 1200)));
    if (cache.size() > 60) {
      trace.Free(cache.front());
      cache.pop_front();
    }
    std::vector<uint32_t> request{trace.Allocate(dice.OneOf({2048, 4096}))};
    for (uint32_t i = dice.Between(2, 6); i > 0; --i) {
      request.push_back(trace.Allocate(dice.Between(8, 200)));
    }
    requests.push_back(request);
    if (requests.size() > 10) {
      FreeAll(&trace, requests.front());
      requests.pop_front();
    }
  }
  return trace;
}

// Each doubling of size is half as likely; any block may be the next to die.
Trace PowerLaw() {
  Trace trace{
      "powerlaw", "sizes by a power law, deaths in random order", {}, 0};
  Dice dice;
  std::vector<uint32_t> live;
  for (int i = 0; i < 9000; ++i) {
    uint32_t octave = 16;
    while (octave < 16384 && dice.OneIn(2)) octave *= 2;
    live.push_back(trace.Allocate(octave + dice.Below(octave)));
    if (live.size() > 700) trace.Free(TakeAny(&live, &dice));
  }
  return trace;
}

// Robson's idea: of each generation of blocks every other one stays, and the
// next generation is twice as large, so that no hole fits it. How much is
// asked for at one time never rises; how much memory is needed does.
Trace Checkerboard() {
  Trace trace{
      "checkerboard", "an enemy: every other block stays, sizes double", {}, 0};
  constexpr uint32_t kBudget = 96 * 1024;  // of blocks with their headers
  std::vector<uint32_t> live;
  uint32_t held = 0;
  for (uint32_t block = 64; block <= 2048; block *= 2) {
    std::vector<uint32_t> generation;
    for (; held + block <= kBudget; held += block) {
      generation.push_back(trace.Allocate(block - 16));
    }
    for (size_t i = 0; i < generation.size(); i += 2, held -= block) {
      trace.Free(generation[i]);
    }
  }
  return trace;
}

}  // namespace

std::vector<std::string> MadeTraceNames() {
  return {"compiler", "server", "powerlaw", "checkerboard"};
}

Trace MakeTrace(const std::string& name) {
  if (name == "compiler") return Compiler();
  if (name == "server") return Server();
  if (name == "powerlaw") return PowerLaw();
  return Checkerboard();
}

}  // namespace course::classic
