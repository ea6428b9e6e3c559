// A program may have an operator new of its own. The C++ standard then has the
// other forms use that one: it need not write all of them.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <new>

// Without -fsized-deallocation, Clang does not have it declared.
void operator delete[](void* block, size_t bytes) noexcept;

namespace {

int news = 0;
int deletes = 0;
bool refuse = false;

// Where the compiler has inlined only one of the two below, it finds that new
// and free do not belong together: so it is not to see that this is free.
void (*volatile free_of)(void*) = free;

}  // namespace

void* operator new(size_t bytes) {
  ++news;
  void* block = refuse ? nullptr : malloc(bytes);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void operator delete(void* block) noexcept {
  ++deletes;
  free_of(block);
}

// Compilers warn of a program that has the other alone.
void operator delete(void* block, size_t) noexcept { operator delete(block); }

namespace pool {
namespace {

// Whether body() calls the program's own new and delete once each.
template <typename Body>
void ExpectOwn(const char* name, Body body) {
  news = 0;
  deletes = 0;
  body();
  const int seen_news = news;
  const int seen_deletes = deletes;
  EXPECT_EQ(seen_news, 1) << name;
  EXPECT_EQ(seen_deletes, 1) << name;
}

TEST(ReplacedNew, ServesTheFormsForArrays) {
  ExpectOwn("new", [] { ::operator delete(::operator new(10)); });
  ExpectOwn("new[]", [] { ::operator delete[](::operator new[](10)); });
  ExpectOwn("sized delete", [] { ::operator delete(::operator new(10), 10); });
  ExpectOwn("sized delete[]",
            [] { ::operator delete[](::operator new[](10), 10); });
}

TEST(ReplacedNew, ServesTheFormsThatDoNotThrow) {
  ExpectOwn("nothrow", [] {
    ::operator delete(::operator new(10, std::nothrow), std::nothrow);
  });
  ExpectOwn("nothrow[]", [] {
    ::operator delete[](::operator new[](10, std::nothrow), std::nothrow);
  });
}

// What the program's own throws, these turn into null.
TEST(ReplacedNew, MayRefuse) {
  refuse = true;
  void* one = ::operator new(10, std::nothrow);
  void* many = ::operator new[](10, std::nothrow);
  refuse = false;
  EXPECT_EQ(one, nullptr);
  EXPECT_EQ(many, nullptr);
}

}  // namespace
}  // namespace pool
