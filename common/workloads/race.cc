// The workloads on the allocator of the day that this is linked with.
#include "common/testing/facade.h"
#include "common/workloads/race_main.h"

int main(int argc, char** argv) {
  return course::RaceMain<course::Facade>(argc, argv);
}
