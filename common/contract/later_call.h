// Promises about calls that the allocator may not have yet.
//
// Such a promise is registered as a test only where the call is there. A list
// of tests then says what was tested, and nothing passes without having run.
// (Helpers of such tests are [[maybe_unused]]: without the call they are.)
#ifndef COURSE_CONTRACT_LATER_CALL_H_
#define COURSE_CONTRACT_LATER_CALL_H_

#include <gtest/gtest.h>

#include <utility>

#include "common/testing/facade.h"

namespace course {

// Registers the test `suite`.`name` if kPresent. The body gets a Facade: it is
// a generic lambda, so where it is not registered it is not compiled either.
//
//   const Promise<Facade::kHasReserve> kKept("Reserve", "IsKept", [](auto f) {
//     EXPECT_TRUE(f.Reserve(8, 1));
//   });
template <bool kPresent>
class Promise {
 public:
  template <typename Body>
  Promise(const char* suite, const char* name, Body body,
          const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    if constexpr (kPresent) {
      testing::RegisterTest(
          suite, name, nullptr, nullptr, file, line,
          [body]() -> testing::Test* { return new BodyTest<Body>(body); });
    }
  }

 private:
  template <typename Body>
  class BodyTest : public testing::Test {
   public:
    explicit BodyTest(Body body) : body_(std::move(body)) {}
    void TestBody() override { body_(Facade()); }

   private:
    const Body body_;
  };
};

}  // namespace course

#endif  // COURSE_CONTRACT_LATER_CALL_H_
