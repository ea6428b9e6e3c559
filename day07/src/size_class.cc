#include "pool/size_class.h"

namespace pool {
namespace {

//! [the compiler proves the classes]
// Each class's size leads back to the class, and one byte more to the next.
constexpr bool RoundTrip() {
  for (size_t i = 0; i < SizeClass::kCount; ++i) {
    const size_t size = SizeClass::Size(ClassIndex(i));
    if (SizeClass::Index(size) != i) return false;
    if (i + 1 < SizeClass::kCount && SizeClass::Index(size + 1) != i + 1) {
      return false;
    }
  }
  return true;
}

static_assert(RoundTrip(), "Size and Index do not lead back to each other");
static_assert(SizeClass::Size(ClassIndex(0)) == 8);
static_assert(SizeClass::Size(ClassIndex(SizeClass::kCount - 1)) ==
              SizeClass::kLargestSize);
//! [the compiler proves the classes]

}  // namespace
}  // namespace pool
