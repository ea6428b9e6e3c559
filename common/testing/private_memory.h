// Memory for the testing tools' own books, straight from the kernel.
//
// An oracle that allocated with new would, once the allocator under test serves
// new, ask the accused for paper to write the protocol on.
#ifndef COURSE_TESTING_PRIVATE_MEMORY_H_
#define COURSE_TESTING_PRIVATE_MEMORY_H_

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace course {

// Pieces of memory, all of one size. No locks: its owner's lock guards it.
class PrivateMemory {
 public:
  PrivateMemory() = default;
  ~PrivateMemory() {
    while (chunks_ != nullptr) {
      Link* chunk = chunks_;
      chunks_ = chunk->next;
      munmap(chunk, kChunkBytes);
    }
  }
  PrivateMemory(const PrivateMemory&) = delete;
  PrivateMemory& operator=(const PrivateMemory&) = delete;

  void* Take(size_t bytes) {
    if (free_ != nullptr) {
      Link* piece = free_;
      free_ = piece->next;
      return piece;
    }
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (left_ < bytes) AddChunk();
    left_ -= bytes;
    next_ += bytes;
    return next_ - bytes;
  }

  void GiveBack(void* piece) { free_ = ::new (piece) Link{free_}; }

 private:
  static constexpr size_t kChunkBytes = 256 * 1024;
  static constexpr size_t kAlignment = alignof(std::max_align_t);
  struct Link {
    Link* next;
  };

  void AddChunk() {
    void* chunk = mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED) throw std::bad_alloc();
    chunks_ = ::new (chunk) Link{chunks_};
    next_ = static_cast<char*>(chunk) + kAlignment;
    left_ = kChunkBytes - kAlignment;
  }

  Link* chunks_ = nullptr;
  Link* free_ = nullptr;
  char* next_ = nullptr;  // the newest chunk's untouched part
  size_t left_ = 0;
};

// Puts the nodes of one standard container into a PrivateMemory of its own.
template <typename T>
class PrivateAllocator {
 public:
  using value_type = T;

  explicit PrivateAllocator(PrivateMemory* memory) : memory_(memory) {}
  template <typename Other>
  PrivateAllocator(const PrivateAllocator<Other>& other)
      : memory_(other.memory()) {}

  T* allocate(size_t count) {
    return static_cast<T*>(memory_->Take(count * sizeof(T)));
  }
  void deallocate(T* piece, size_t) { memory_->GiveBack(piece); }

  PrivateMemory* memory() const { return memory_; }

  template <typename Other>
  bool operator==(const PrivateAllocator<Other>& other) const {
    return memory_ == other.memory();
  }
  template <typename Other>
  bool operator!=(const PrivateAllocator<Other>& other) const {
    return !(*this == other);
  }

 private:
  PrivateMemory* memory_;
};

}  // namespace course

#endif  // COURSE_TESTING_PRIVATE_MEMORY_H_
