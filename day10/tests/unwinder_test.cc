// An unwinder that allocates. This program has its own, which the pool finds
// first: it calls the profile as malloc would, and then the real one.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unwind.h>

#include <atomic>

#include "pool/heap_profile.h"

namespace {

std::atomic<int> unwound{0};
std::atomic<int> chosen_within{0};

}  // namespace

extern "C" _Unwind_Reason_Code _Unwind_Backtrace(_Unwind_Trace_Fn visit,
                                                 void* argument) {
  ++unwound;
  for (int i = 0; i < 100; ++i) {
    if (pool::HeapProfile::Chooses(1'000'000)) {
      ++chosen_within;
      pool::HeapProfile::Add(1'000'000);
    }
  }
  using Unwind = _Unwind_Reason_Code(_Unwind_Trace_Fn, void*);
  static auto* const real =
      reinterpret_cast<Unwind*>(dlsym(RTLD_NEXT, "_Unwind_Backtrace"));
  return real(visit, argument);
}

namespace pool {
namespace {

TEST(Unwinder, IsUsedOnceBeforeTheFirstSample) {
  if (HeapProfile::On()) GTEST_SKIP() << "another test has switched it on";
  HeapProfile::Begin(1000);
  EXPECT_EQ(unwound, 1);
  EXPECT_EQ(chosen_within, 0);
  EXPECT_TRUE(HeapProfile::On());
}

TEST(Unwinder, MayAllocate) {
  if (!HeapProfile::On()) HeapProfile::Begin(1000);
  const int before = unwound;
  EXPECT_TRUE(HeapProfile::Chooses(1'000'000));
  EXPECT_NE(HeapProfile::Add(1'000'000), 0u);
  EXPECT_EQ(unwound, before + 1);
  EXPECT_EQ(chosen_within, 0);
  // And who allocates outside of it is chosen, as before.
  EXPECT_TRUE(HeapProfile::Chooses(1'000'000));
}

}  // namespace
}  // namespace pool
