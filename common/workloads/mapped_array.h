// MappedArray: the workloads' own arrays, straight from the kernel, so that
// the allocator in the race serves the workload's blocks and nothing else.
// Every page is touched at once: the arrays are there before memory is
// measured. Owned by one thread; its elements may be shared out to others.
#ifndef COURSE_WORKLOADS_MAPPED_ARRAY_H_
#define COURSE_WORKLOADS_MAPPED_ARRAY_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace course {

template <class T>
class MappedArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  explicit MappedArray(size_t size) : size_(size) {
    void* start = mmap(nullptr, Bytes(), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
      std::fprintf(stderr, "race: no memory for an array of %zu bytes\n",
                   Bytes());
      std::abort();
    }
    std::memset(start, 0, Bytes());
    data_ = static_cast<T*>(start);
  }
  ~MappedArray() { munmap(data_, Bytes()); }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;

  T& operator[](size_t index) { return data_[index]; }
  const T& operator[](size_t index) const { return data_[index]; }
  T* data() { return data_; }
  size_t size() const { return size_; }

 private:
  size_t Bytes() const { return size_ * sizeof(T); }

  const size_t size_;
  T* data_;
};

}  // namespace course

#endif  // COURSE_WORKLOADS_MAPPED_ARRAY_H_
