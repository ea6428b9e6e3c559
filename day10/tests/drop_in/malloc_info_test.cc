// What glibc's calls tell about malloc, told by ours.
#include <gtest/gtest.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/testing/child.h"
#include "common/testing/xml.h"

namespace {

constexpr size_t kMiB = 1024 * 1024;

// What writing to a file by stdio left there.
class File {
 public:
  File() : file_(tmpfile()) { EXPECT_NE(file_, nullptr); }
  ~File() { fclose(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  FILE* stream() { return file_; }
  std::string Contents() {
    std::string text;
    rewind(file_);
    for (int c; (c = fgetc(file_)) != EOF;) text += static_cast<char>(c);
    return text;
  }

 private:
  FILE* const file_;
};

std::string Info() {
  File file;
  EXPECT_EQ(malloc_info(0, file.stream()), 0);
  return file.Contents();
}

TEST(MallocInfo, WhatIsInUseAndWhatIsFreeIsTheArena) {
  void* block = malloc(1000);
  const struct mallinfo2 info = mallinfo2();
  EXPECT_EQ(info.arena, info.uordblks + info.fordblks);
  EXPECT_GE(info.uordblks, 1000u);
  EXPECT_GE(info.fordblks, info.fsmblks);
  EXPECT_GE(info.fordblks, info.keepcost);
  EXPECT_EQ(info.usmblks, 0u);
  free(block);
}

TEST(MallocInfo, BlocksMoveFromFreeToInUseAndBack) {
  std::vector<void*> blocks(10000);
  const struct mallinfo2 before = mallinfo2();
  for (void*& block : blocks) block = malloc(1000);
  const struct mallinfo2 with = mallinfo2();
  const size_t bytes = blocks.size() * malloc_usable_size(blocks[0]);
  EXPECT_EQ(with.uordblks - before.uordblks, bytes);
  for (void* block : blocks) free(block);
  const struct mallinfo2 after = mallinfo2();
  EXPECT_EQ(after.uordblks, before.uordblks);
  EXPECT_GE(after.fordblks, before.fordblks);
}

TEST(MallocInfo, FreeBlocksOnThisThreadsListAreTheFastOnes) {
  void* block = malloc(3000);
  const struct mallinfo2 before = mallinfo2();
  const size_t bytes = malloc_usable_size(block);
  free(block);
  const struct mallinfo2 after = mallinfo2();
  EXPECT_EQ(after.fsmblks - before.fsmblks, bytes);
  EXPECT_EQ(after.smblks, before.smblks + 1);
  EXPECT_EQ(after.arena, before.arena);
}

TEST(MallocInfo, LargeBlocksHaveTheirOwnFigures) {
  const struct mallinfo2 before = mallinfo2();
  void* block = malloc(5 * kMiB);
  const struct mallinfo2 with = mallinfo2();
  EXPECT_EQ(with.hblks, before.hblks + 1);
  EXPECT_EQ(with.hblkhd - before.hblkhd, malloc_usable_size(block));
  EXPECT_EQ(with.uordblks, before.uordblks);
  EXPECT_EQ(with.arena, with.uordblks + with.fordblks);
  free(block);
  const struct mallinfo2 after = mallinfo2();
  EXPECT_EQ(after.hblks, before.hblks);
  EXPECT_EQ(after.hblkhd, before.hblkhd);
  EXPECT_GE(after.keepcost, 5 * kMiB);
}

TEST(MallocInfo, TrimTakesWhatItSaid) {
  mallinfo2();  // takes pages for its snapshot, the first time
  free(malloc(5 * kMiB));
  EXPECT_GE(mallinfo2().keepcost, 5 * kMiB);
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_EQ(mallinfo2().keepcost, 0u);
}

// The old form has ints.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST(MallocInfo, TheOldFormSaysTheSame) {
  const struct mallinfo2 info = mallinfo2();
  const struct mallinfo old = mallinfo();
  EXPECT_EQ(static_cast<size_t>(old.arena), info.arena);
  EXPECT_EQ(static_cast<size_t>(old.ordblks), info.ordblks);
  EXPECT_EQ(static_cast<size_t>(old.smblks), info.smblks);
  EXPECT_EQ(static_cast<size_t>(old.hblks), info.hblks);
  EXPECT_EQ(static_cast<size_t>(old.hblkhd), info.hblkhd);
  EXPECT_EQ(old.usmblks, 0);
  EXPECT_EQ(static_cast<size_t>(old.fsmblks), info.fsmblks);
  EXPECT_EQ(static_cast<size_t>(old.uordblks), info.uordblks);
  EXPECT_EQ(static_cast<size_t>(old.fordblks), info.fordblks);
  EXPECT_EQ(static_cast<size_t>(old.keepcost), info.keepcost);
}

// Addresses, no memory: none of it is touched.
TEST(MallocInfo, WhatNoIntHoldsReadsAsTheLargest) {
  void* block = malloc(3000 * kMiB);
  if (block == nullptr) GTEST_SKIP() << "the system has no 3 GiB to give";
  EXPECT_EQ(mallinfo().hblkhd, INT_MAX);
  EXPECT_GE(mallinfo2().hblkhd, 3000 * kMiB);
  free(block);
}

TEST(MallocInfo, IsXml) {
  void* large = malloc(kMiB);
  const course::XmlElement root = course::ParseXml(Info());
  EXPECT_EQ(root.name, "malloc");
  EXPECT_EQ(root["version"], "1");
  EXPECT_EQ(root.Only("heap")["nr"], "0");
  EXPECT_GT(root.All("system")[0].Number("size"), kMiB);
  EXPECT_GE(root.All("total")[2].Number("count"), 1u);
  EXPECT_GE(root.All("total")[2].Number("size"), kMiB);
  free(large);
}

TEST(MallocInfo, FreeBlocksAreInTheListOfSizes) {
  std::vector<void*> blocks(100);
  for (void*& block : blocks) block = malloc(4000);
  const size_t size = malloc_usable_size(blocks[0]);
  for (void* block : blocks) free(block);
  bool found = false;
  for (const course::XmlElement& each :
       course::ParseXml(Info()).Only("heap").Only("sizes").All("size")) {
    if (each.Number("to") != size) continue;
    found = true;
    EXPECT_LT(each.Number("from"), 4001u);
    EXPECT_GE(each.Number("count"), 1u);
    EXPECT_EQ(each.Number("total"), each.Number("count") * size);
  }
  EXPECT_TRUE(found);
}

TEST(MallocInfo, KnowsNoOptions) {
  for (const int options : {1, -1, INT_MAX}) {
    File file;
    EXPECT_EQ(malloc_info(options, file.stream()), EINVAL);
    EXPECT_EQ(file.Contents(), "");
  }
}

// In a child, whose standard error is a file.
TEST(MallocInfo, StatsAreWrittenToStandardError) {
  File file;
  const auto body = [&] {
    dup2(fileno(file.stream()), STDERR_FILENO);
    malloc_stats();
  };
  ASSERT_EQ(course::RunInChild(body), "");
  const std::string text = file.Contents();
  EXPECT_EQ(text.rfind("Memory pool of process ", 0), 0u) << text;
  EXPECT_NE(text.find("from the system"), text.npos);
  EXPECT_EQ(text.back(), '\n');
}

// Also where the program has set another stream in its place.
TEST(MallocInfo, StatsAreWrittenToTheStreamOfThatName) {
  File file;
  FILE* const old = stderr;
  stderr = file.stream();
  malloc_stats();
  stderr = old;
  EXPECT_EQ(file.Contents().rfind("Memory pool of process ", 0), 0u);
}

void* AskEverything(void* context) {
  FILE* stream = static_cast<File*>(context)->stream();
  mallinfo2();
  mallinfo();
  return malloc_info(0, stream) == 0 ? context : nullptr;
}

// A snapshot is larger than such a stack.
TEST(MallocInfo, ASmallStackIsEnough) {
  File file;
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  const auto least = static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN));
  ASSERT_EQ(pthread_attr_setstacksize(
                &attributes, std::max<size_t>(least, PTHREAD_STACK_MIN)),
            0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, AskEverything, &file), 0);
  void* result = nullptr;
  ASSERT_EQ(pthread_join(thread, &result), 0);
  EXPECT_EQ(result, &file);
  EXPECT_EQ(course::ParseXml(file.Contents()).name, "malloc");
  pthread_attr_destroy(&attributes);
}

// No lock is held while it is written: a stream may call malloc, which may call
// whatever it likes.
ssize_t WriteAndAsk(void* text, const char* piece, size_t length) {
  free(malloc(100));
  mallinfo2();
  static_cast<std::string*>(text)->append(piece, length);
  return static_cast<ssize_t>(length);
}

TEST(MallocInfo, AStreamMayAskToo) {
  std::string text;
  cookie_io_functions_t calls = {};
  calls.write = WriteAndAsk;
  FILE* stream = fopencookie(&text, "w", calls);
  ASSERT_NE(stream, nullptr);
  setvbuf(stream, nullptr, _IONBF, 0);
  EXPECT_EQ(malloc_info(0, stream), 0);
  fclose(stream);
  EXPECT_EQ(course::ParseXml(text).name, "malloc");
}

}  // namespace
