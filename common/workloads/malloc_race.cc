// The workloads on malloc, or on the peer that LD_PRELOAD puts in its place.
#include "common/workloads/malloc_facade.h"
#include "common/workloads/race_main.h"

int main(int argc, char** argv) {
  benchmark::AddCustomContext("malloc_library", course::MallocLibrary());
  return course::RaceMain<course::MallocFacade>(argc, argv);
}
