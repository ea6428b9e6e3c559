// The fuzz target of the façade in C++ (player.h).
#include <cstddef>
#include <cstdint>

#include "common/fuzz/player.h"
#include "common/testing/facade.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  course::fuzz::Player<course::Facade>(data, size).Play();
  return 0;
}
