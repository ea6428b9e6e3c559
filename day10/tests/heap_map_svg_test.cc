// The heap map as a picture: well-formed, true to scale, and of a size that can
// be looked at, for few spans and for many.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/xml.h"
#include "heap_map_reader.h"
#include "pool/page_heap.h"
#include "pool/pool.h"
#include "pool/size_class.h"
#include "pool/system_memory.h"

namespace pool {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr double kBarHeight = 26;
constexpr double kPageWidth = 6;
constexpr size_t kMostHeight = 1600;  // pixels
constexpr size_t kMostBytes = kMiB;

// Blocks that go back when the test ends.
class Blocks {
 public:
  ~Blocks() {
    for (void* block : blocks_) Deallocate(block);
    ReleaseFreeMemory();
  }
  void* Take(size_t bytes) {
    blocks_.push_back(Allocate(bytes));
    EXPECT_NE(blocks_.back(), nullptr);
    return blocks_.back();
  }
  void FreeAThird(std::mt19937_64& random) {
    std::shuffle(blocks_.begin(), blocks_.end(), random);
    for (size_t left = blocks_.size() / 3; left > 0; --left) {
      Deallocate(blocks_.back());
      blocks_.pop_back();
    }
  }

 private:
  std::vector<void*> blocks_;
};

struct Box {
  std::string kind;
  double x, y, width, height;
};

// Reads "Mx yhWIDTHvHEIGHTh-WIDTHz".
Box BoxOf(const course::XmlElement& path) {
  Box box{path["class"], 0, 0, 0, 0};
  std::string steps = path["d"];
  std::replace_if(
      steps.begin(), steps.end(),
      [](char c) { return std::string("Mhvz").find(c) != std::string::npos; },
      ' ');
  double back = 0;
  std::istringstream(steps) >> box.x >> box.y >> box.width >> box.height >>
      back;
  EXPECT_EQ(back, -box.width) << path["d"];
  return box;
}

std::string TipOf(const course::XmlElement& group) {
  return group.Only("title").text;
}

// The groups of this kind, each of which has a tip.
std::vector<course::XmlElement> GroupsOf(const course::XmlElement& picture,
                                         const std::string& kind) {
  std::vector<course::XmlElement> found;
  for (const course::XmlElement& group : picture.All("g")) {
    const auto its_kind = group.attributes.find("class");
    if (its_kind != group.attributes.end() && its_kind->second == kind) {
      found.push_back(group);
    }
  }
  return found;
}

course::XmlElement Picture() {
  const std::string text = HeapMapText(HeapMapForm::kSvg);
  EXPECT_LT(text.size(), kMostBytes);
  course::XmlElement picture = course::ParseXml(text);
  EXPECT_EQ(picture.name, "svg");
  EXPECT_LE(picture.Number("height"), kMostHeight);
  return picture;
}

// The area of each kind of boxes, in bytes.
std::map<std::string, double> Areas(
    const std::vector<course::XmlElement>& groups) {
  std::map<std::string, double> areas;
  for (const course::XmlElement& group : groups) {
    for (const course::XmlElement& path : group.All("path")) {
      const Box box = BoxOf(path);
      EXPECT_GT(box.width, 0);
      EXPECT_GT(box.height, 0);
      EXPECT_LE(box.height, kBarHeight);
      areas[box.kind] += box.width / kPageWidth * box.height / kBarHeight *
                         static_cast<double>(kPageSize);
    }
  }
  return areas;
}

// The bar of the span that the block lies in.
course::XmlElement BarOf(const course::XmlElement& picture, const void* block) {
  std::ostringstream address;
  address << PageHeap::Get().MapObjectToSpan(block)->Start() << ":";
  for (const course::XmlElement& bar : GroupsOf(picture, "span")) {
    if (TipOf(bar).rfind(address.str(), 0) == 0) return bar;
  }
  ADD_FAILURE() << "no bar of " << address.str();
  return {};
}

void ExpectBox(const course::XmlElement& bar, const std::string& kind,
               double width, double height) {
  std::vector<Box> boxes;
  for (const course::XmlElement& path : bar.All("path")) {
    const Box box = BoxOf(path);
    if (box.kind == kind) boxes.push_back(box);
  }
  ASSERT_EQ(boxes.size(), 1u) << kind;
  EXPECT_NEAR(boxes[0].width, width, 1) << kind;
  EXPECT_NEAR(boxes[0].height, height, 0.2) << kind;
}

TEST(HeapMapSvg, EachSpanHasABar) {
  Blocks blocks;
  for (size_t bytes = 8; bytes < 300 * kKiB; bytes += bytes / 3 + 1) {
    blocks.Take(bytes);
  }
  const course::XmlElement picture = Picture();
  const std::vector<course::XmlElement> bars = GroupsOf(picture, "span");
  const std::vector<ReadSpan> spans = SpansOf(HeapMapJson());
  ASSERT_GT(spans.size(), 20u);
  ASSERT_EQ(bars.size(), spans.size());
  EXPECT_TRUE(GroupsOf(picture, "cell").empty());
  for (size_t i = 0; i < bars.size(); ++i) {
    std::ostringstream address;
    address << spans[i].first.Start() << ": ";
    EXPECT_EQ(TipOf(bars[i]).rfind(address.str(), 0), 0u) << TipOf(bars[i]);
    const std::map<std::string, double> areas = Areas({bars[i]});
    EXPECT_EQ(areas.count("tail") > 0, spans[i].Tail() > 0) << TipOf(bars[i]);
    EXPECT_EQ(areas.count("large") > 0, spans[i].state == "large");
    EXPECT_EQ(areas.count("free") > 0, spans[i].state == "free");
    EXPECT_EQ(areas.count("returned") > 0, spans[i].state == "returned");
  }
}

// 16 objects of 4,096 bytes in 64 KiB: all are in use, then three quarters.
TEST(HeapMapSvg, ABarIsFilledAsFarAsItsObjectsAreOut) {
  ASSERT_EQ(SizeClass::SpanPages(SizeClass::Index(4096)), PageCount(8));
  ReleaseFreeMemory();
  void* blocks[16];
  for (void*& block : blocks) block = Allocate(4096);
  ExpectBox(BarOf(Picture(), blocks[0]), "out", 48, kBarHeight);
  for (int i = 0; i < 4; ++i) Deallocate(blocks[i]);
  ReleaseFreeMemory();  // what this thread's cache has goes home
  const course::XmlElement bar = BarOf(Picture(), blocks[15]);
  ExpectBox(bar, "out", 48, kBarHeight * 3 / 4);
  ExpectBox(bar, "back", 48, kBarHeight);
  for (int i = 4; i < 16; ++i) Deallocate(blocks[i]);
  ReleaseFreeMemory();
}

// Objects of 5,120 bytes in 64 KiB: there is room for twelve, of which one
// batch was ever out, and for a tail of 4,096 bytes.
TEST(HeapMapSvg, WhatWasNeverOutAndTheTailAreAtTheEnd) {
  ReleaseFreeMemory();
  Blocks blocks;
  void* const block = blocks.Take(3200);
  const ReadSpan span = SpanOf(SpansOf(HeapMapJson()), block);
  ASSERT_EQ(span.capacity, 17u);
  ASSERT_LT(span.carved, 17u);
  const course::XmlElement bar = BarOf(Picture(), block);
  const auto width = [](size_t bytes) {
    return kPageWidth * static_cast<double>(bytes) / kPageSize;
  };
  ExpectBox(bar, "out", width(span.carved * 3200), kBarHeight);
  ExpectBox(bar, "uncarved", width((17 - span.carved) * 3200), kBarHeight);
  ExpectBox(bar, "tail", width(2944), kBarHeight);
}

// The kernel leaves pages of others between our chunks.
class GapKernel {
 public:
  GapKernel() {
    table_ = RealKernelCalls();
    table_.map_at = nullptr;
    table_.map = [](size_t bytes) {
      mmap(nullptr, kMiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      return RealKernelCalls().map(bytes);
    };
    SetKernelCalls(&table_);
  }
  ~GapKernel() { SetKernelCalls(&RealKernelCalls()); }

 private:
  KernelCalls table_;
};

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

size_t GapsIn(const std::vector<ReadSpan>& spans) {
  size_t gaps = 0;
  for (size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].first != spans[i - 1].first + spans[i - 1].pages) ++gaps;
  }
  return gaps;
}

TEST(HeapMapSvg, GapsAreShown) {
  const GapKernel kernel;
  Blocks blocks;
  size_t gaps = 0;
  for (int i = 0; i < 400 && gaps < 3; ++i) {
    blocks.Take(60 * kKiB);
    gaps = GapsIn(SpansOf(HeapMapJson()));
  }
  ASSERT_GE(gaps, 3u);
  const std::string bars = HeapMapText(HeapMapForm::kSvg);
  EXPECT_EQ(CountOf(bars, "class=\"gap\""), gaps);
  for (int i = 0; i < 4; ++i) blocks.Take(50 * kMiB);
  const std::string cells = HeapMapText(HeapMapForm::kSvg);
  EXPECT_EQ(CountOf(cells, "<title>a gap of"), GapsIn(SpansOf(HeapMapJson())));
}

// More than ten thousand spans, of all kinds and in no order.
void MakeManySpans(Blocks& blocks) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 9000; ++i) {
      // One in four is a large block.
      blocks.Take(random() % 4 == 0 ? 260 * kKiB : 1 + random() % (64 * kKiB));
    }
    if (round < 3) blocks.FreeAThird(random);
    if (round == 1) ReleaseFreeMemory();
  }
  blocks.FreeAThird(random);
}

TEST(HeapMapSvg, ManySpansMakeCells) {
  const GapKernel kernel;
  Blocks blocks;
  MakeManySpans(blocks);
  ASSERT_GT(SpansOf(HeapMapJson()).size(), 10000u);
  const course::XmlElement picture = Picture();
  EXPECT_TRUE(GroupsOf(picture, "span").empty());
  const std::vector<course::XmlElement> cells = GroupsOf(picture, "cell");
  EXPECT_GT(cells.size(), 500u);
  for (const course::XmlElement& cell : cells) {
    double height = 0;
    for (const course::XmlElement& path : cell.All("path")) {
      height += BoxOf(path).height;
    }
    ASSERT_NEAR(height, kBarHeight, 0.15) << TipOf(cell);
  }
}

// Each kind has the part of the area that it has of the bytes.
TEST(HeapMapSvg, CellsAreToScale) {
  Blocks blocks;
  MakeManySpans(blocks);
  const course::JsonValue map = HeapMapJson();
  std::map<std::string, double> areas = Areas(GroupsOf(Picture(), "cell"));
  double sum = 0;
  for (const auto& [kind, area] : areas) sum += area;
  const std::pair<const char*, const char*> kinds[] = {
      {"out", "out"},          {"back", "back"},   {"uncarved", "uncarved"},
      {"tail", "tails"},       {"large", "large"}, {"free", "free"},
      {"returned", "returned"}};
  const double bytes = static_cast<double>(map["totals"]["bytes"].Unsigned());
  for (const auto& [kind, total] : kinds) {
    const auto part = static_cast<double>(map["totals"][total].Unsigned());
    EXPECT_GT(part, 0) << kind;
    EXPECT_NEAR(areas[kind] / sum, part / bytes, 0.005) << kind;
  }
}

// A block of 300 MiB takes many rows, and few bytes of the file.
TEST(HeapMapSvg, AHugeBlockIsNotDrawnCellByCell) {
  Blocks blocks;
  blocks.Take(100);
  blocks.Take(300 * kMiB);
  const std::string text = HeapMapText(HeapMapForm::kSvg);
  EXPECT_LT(text.size(), 100 * kKiB);
  EXPECT_LE(Picture().Number("height"), kMostHeight);
}

}  // namespace
}  // namespace pool
