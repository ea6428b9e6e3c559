// Every name leads to libpool_malloc.so, from the program as from libc, and
// glibc's own heap has nothing to do.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "checked_blocks.h"
#include "entry_points.h"

namespace pool {
namespace {

// The file name of the library that an address lies in.
std::string FileOf(void* address) {
  Dl_info info = {};
  if (address == nullptr || dladdr(address, &info) == 0) return "nowhere";
  const std::string path = info.dli_fname;
  return path.substr(path.rfind('/') + 1);
}

void* AsAddress(void* (*function)(size_t)) {
  return reinterpret_cast<void*>(function);
}

TEST(WhoServes, EveryNameLeadsToOurLibrary) {
  for (const EntryPoint& entry : kEntryPoints) {
    const std::string file = FileOf(dlsym(RTLD_DEFAULT, entry.name));
    EXPECT_EQ(file.rfind("libpool_malloc.so", 0), 0u)
        << entry.name << " lies in " << file;
  }
}

TEST(WhoServes, SoDoTheCallsThatAProgramWrites) {
  EXPECT_EQ(dlsym(RTLD_DEFAULT, "malloc"), AsAddress(&malloc));
  EXPECT_EQ(dlsym(RTLD_DEFAULT, "_Znwm"), AsAddress(&::operator new));
}

TEST(WhoServes, EveryNameWorks) {
  for (const EntryPoint& entry : kEntryPoints) {
    EXPECT_TRUE(entry.works(Library(), entry.name)) << entry.name;
  }
}

// Had another heap made it, this would end the process, or say another size.
void ExpectOurs(void* block, size_t bytes) {
  ASSERT_NE(block, nullptr);
  ASSERT_GE(malloc_usable_size(block), bytes);
  block = realloc(block, 2 * bytes + 100);
  Fill(block, 2 * bytes + 100);
  free(block);
}

TEST(WhoServes, WhatLibcGivesToItsCallers) {
  ExpectOurs(strdup("a word"), 7);
  ExpectOurs(strndup("a word", 3), 4);
  char* text = nullptr;
  const int length = asprintf(&text, "%d words", 123);
  ExpectOurs(text, static_cast<size_t>(length) + 1);
  ExpectOurs(realpath("/proc", nullptr), 6);
  ExpectOurs(getcwd(nullptr, 0), 2);
}

TEST(WhoServes, WhatLibcResizesForItsCallers) {
  const std::string line(5000, 'x');
  FILE* file = tmpfile();
  ASSERT_NE(file, nullptr);
  fprintf(file, "%s\n", line.c_str());
  rewind(file);
  char* text = static_cast<char*>(malloc(1));
  size_t room = 1;
  EXPECT_EQ(getline(&text, &room, file), 5001);
  EXPECT_EQ(text, line + "\n");
  ExpectOurs(text, room);
  fclose(file);

  char* written = nullptr;
  size_t bytes = 0;
  FILE* memory = open_memstream(&written, &bytes);
  for (int i = 0; i < 1000; ++i) fputs("again and ", memory);
  fclose(memory);
  EXPECT_EQ(bytes, 10000u);
  ExpectOurs(written, bytes + 1);
}

TEST(WhoServes, WhatTheStandardLibraryTakes) {
  const std::string text(100, 'x');
  void* start = const_cast<char*>(text.data());
  EXPECT_GE(malloc_usable_size(start), 101u);
  const std::vector<double> numbers(100'000);
  start = const_cast<double*>(numbers.data());
  EXPECT_GE(malloc_usable_size(start), 800'000u);
}

// All that a program of this kind does, so that glibc's heap could show.
void WorkALittle() {
  std::thread([] {
    for (size_t bytes = 1; bytes < 10'000'000; bytes *= 3) {
      free(malloc(bytes));
      free(calloc(1, bytes));
    }
    ExpectOurs(strdup("a word"), 7);
  }).join();
}

TEST(WhoServes, GlibcsHeapIsEmpty) {
  WorkALittle();
  void* libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(libc, nullptr);
  struct mallinfo seen = Library(libc).Find<struct mallinfo()>("mallinfo")();
  EXPECT_EQ(seen.arena, 0);
  EXPECT_EQ(seen.hblkhd, 0);
  EXPECT_EQ(seen.uordblks, 0);
  dlclose(libc);
}

// The old way to have more memory: we never ask for that.
TEST(WhoServes, TheProgramBreakStaysWhereItIs) {
  WorkALittle();
  std::ifstream maps("/proc/self/maps");
  std::string line;
  int lines = 0;
  while (std::getline(maps, line)) {
    ++lines;
    EXPECT_EQ(line.find("[heap]"), std::string::npos) << line;
  }
  EXPECT_GT(lines, 10);
}

}  // namespace
}  // namespace pool
