// Counts calls and decides which of them are refused.
//
// Thread-safe: all state is atomic. Whoever changes the plan while others call
// cannot say which of their calls it begins with.
#ifndef COURSE_TESTING_REFUSALS_H_
#define COURSE_TESTING_REFUSALS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace course {

// Kind: an enum class of the kinds of calls; kKinds is how many there are.
template <typename Kind, size_t kKinds>
class Refusals {
 public:
  // Notes a call and says whether to refuse it.
  bool Refuse(Kind kind) {
    const uint64_t number = ++calls_;
    ++calls_of_kind_[Index(kind)];
    const bool refuse =
        number == only_ || number >= from_ || refuse_kind_[Index(kind)];
    if (refuse) ++refused_;
    return refuse;
  }

  // The plan. Calls are numbered from 1, by Restart or since the beginning.
  void RefuseCall(uint64_t number) { only_ = number; }
  void RefuseFrom(uint64_t number) { from_ = number; }
  void RefuseAll(Kind kind) { refuse_kind_[Index(kind)] = true; }

  // From now on nothing is refused.
  void Recover() {
    only_ = 0;
    from_ = kNever;
    for (std::atomic<bool>& refuse : refuse_kind_) refuse = false;
  }

  // Counts from 1 again, and refuses nothing.
  void Restart() {
    Recover();
    calls_ = 0;
    refused_ = 0;
    for (std::atomic<uint64_t>& calls : calls_of_kind_) calls = 0;
  }

  uint64_t calls() const { return calls_; }
  uint64_t calls(Kind kind) const { return calls_of_kind_[Index(kind)]; }
  uint64_t refused() const { return refused_; }

 private:
  static constexpr uint64_t kNever = UINT64_MAX;
  static size_t Index(Kind kind) { return static_cast<size_t>(kind); }

  std::atomic<uint64_t> calls_{0};
  std::atomic<uint64_t> refused_{0};
  std::array<std::atomic<uint64_t>, kKinds> calls_of_kind_{};
  std::atomic<uint64_t> only_{0};
  std::atomic<uint64_t> from_{kNever};
  std::array<std::atomic<bool>, kKinds> refuse_kind_{};
};

}  // namespace course

#endif  // COURSE_TESTING_REFUSALS_H_
