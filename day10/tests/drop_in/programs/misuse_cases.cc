// One mistake with memory, chosen by its number, and nothing else: whoever is
// malloc may notice it or not. For `misuse_cases` tables in docs/results.
//   misuse_cases          lists the cases
//   misuse_cases NUMBER   makes that mistake; 0 if nobody noticed
//
// Only malloc, free, realloc, new and delete are used, so that every malloc may
// be asked. Each case ends with some ordinary calls, which may notice late.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

// To clang it is no part of the language, unless it is asked for.
void operator delete(void* block, size_t bytes) noexcept;

namespace {

// What the compiler cannot see through: it knows what is wrong, too.
template <typename T>
T* Hidden(T* pointer) {
  asm volatile("" : "+r"(pointer)::"memory");
  return pointer;
}

char* Get(size_t bytes) {
  return Hidden(static_cast<char*>(std::malloc(bytes)));
}
void Free(char* block) { std::free(Hidden(block)); }

constexpr size_t kSmall = 40, kMedium = 5000, kLarge = 1000 * 1000;

// Ordinary life goes on: the same sizes come and go.
void GoOn(size_t bytes) {
  char* blocks[64];
  for (char*& block : blocks) {
    block = Get(bytes);
    if (block != nullptr) std::memset(block, 1, bytes);
  }
  for (char* block : blocks) Free(block);
}

void DoubleFree(size_t bytes) {
  char* other = Get(bytes);
  char* block = Get(bytes);
  Free(block);
  Free(block);
  GoOn(bytes);
  Free(other);
}

void DoubleFreeLater(size_t bytes) {
  char* block = Get(bytes);
  char* others[64];
  for (char*& other : others) other = Get(bytes);
  Free(block);
  for (char* other : others) Free(other);
  Free(block);
  GoOn(bytes);
}

void InteriorFree(size_t bytes) {
  Free(Get(bytes) + 16);
  GoOn(bytes);
}

void ForeignFree(size_t bytes) {
  alignas(16) static char global[4096];
  std::memset(global, 0, sizeof(global));
  Free(global + 64);
  GoOn(bytes);
}

void WrongSizedDelete(size_t bytes) {
  ::operator delete(Hidden(::operator new(bytes)), bytes + 100);
  GoOn(bytes);
}

void WrongSizedDeleteByOne(size_t bytes) {
  ::operator delete(Hidden(::operator new(bytes)), bytes - 1);
  GoOn(bytes);
}

void OneByteBehind(size_t bytes) {
  char* block = Get(bytes);
  Hidden(block)[bytes] = 1;
  Free(block);
  GoOn(bytes);
}

void SixteenBytesBehind(size_t bytes) {
  char* block = Get(bytes);
  std::memset(Hidden(block) + bytes, 'A', 16);
  Free(block);
  GoOn(bytes);
}

void FarBehind(size_t bytes) {
  char* block = Get(bytes);
  Hidden(block)[bytes + 10000] = 1;
  Free(block);
  GoOn(bytes);
}

void BeforeTheStart(size_t bytes) {
  Get(bytes);
  char* block = Get(bytes);
  std::memset(Hidden(block) - 16, 'A', 16);
  Free(block);
  GoOn(bytes);
}

void WrittenAfterFree(size_t bytes) {
  char* block = Get(bytes);
  Free(block);
  Hidden(block)[bytes / 2 < 200 ? bytes / 2 : 200] = 'A';
  GoOn(bytes);
}

void ReallocAfterFree(size_t bytes) {
  char* block = Get(bytes);
  Free(block);
  Free(Hidden(static_cast<char*>(std::realloc(Hidden(block), 2 * bytes))));
  GoOn(bytes);
}

void ReallocFromInside(size_t bytes) {
  char* block = Get(bytes);
  Free(Hidden(static_cast<char*>(std::realloc(Hidden(block) + 16, 2 * bytes))));
  GoOn(bytes);
}

struct Case {
  const char* name;
  void (*run)(size_t bytes);
  size_t bytes;
};

constexpr Case kCases[] = {
    {"double free, small", DoubleFree, kSmall},
    {"double free, medium", DoubleFree, kMedium},
    {"double free, large", DoubleFree, kLarge},
    {"double free after others, small", DoubleFreeLater, kSmall},
    {"double free after others, medium", DoubleFreeLater, kMedium},
    {"free from inside, small", InteriorFree, kSmall},
    {"free from inside, medium", InteriorFree, kMedium},
    {"free from inside, large", InteriorFree, kLarge},
    {"free of a global variable", ForeignFree, kSmall},
    {"delete with a size of 100 more", WrongSizedDelete, kSmall},
    {"delete with a size of 1 less", WrongSizedDeleteByOne, kSmall},
    {"1 byte written behind, small", OneByteBehind, kSmall},
    {"1 byte written behind, medium", OneByteBehind, kMedium},
    {"1 byte written behind, large", OneByteBehind, kLarge},
    {"16 bytes written behind, small", SixteenBytesBehind, kSmall},
    {"10,000 bytes behind, large", FarBehind, kLarge},
    {"16 bytes written before, small", BeforeTheStart, kSmall},
    {"16 bytes written before, large", BeforeTheStart, kLarge},
    {"written after free, small", WrittenAfterFree, kSmall},
    {"written after free, medium", WrittenAfterFree, kMedium},
    {"written after free, large", WrittenAfterFree, kLarge},
    {"realloc after free, small", ReallocAfterFree, kSmall},
    {"realloc after free, large", ReallocAfterFree, kLarge},
    {"realloc from inside, small", ReallocFromInside, kSmall},
};

}  // namespace

int main(int argc, char** argv) {
  constexpr size_t kCount = sizeof(kCases) / sizeof(kCases[0]);
  if (argc != 2) {
    for (size_t i = 0; i < kCount; ++i) {
      std::printf("%zu\t%s\n", i, kCases[i].name);
    }
    return 0;
  }
  const size_t number = std::strtoul(argv[1], nullptr, 10);
  if (number >= kCount) return 2;
  kCases[number].run(kCases[number].bytes);
}
