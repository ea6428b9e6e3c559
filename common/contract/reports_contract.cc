// What is told of the pool, as text and in files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "common/contract/later_call.h"
#include "common/contract/promises.h"
#include "common/testing/json.h"
#include "common/testing/kernel_faults.h"
#include "common/testing/prometheus.h"
#include "common/testing/sizes.h"
#include "common/testing/xml.h"

namespace course {
namespace {

using StatisticsPromise = Promise<Facade::kHasStatistics>;
using HeapMapPromise = Promise<Facade::kHasHeapMap>;
using HeapProfilePromise = Promise<Facade::kHasHeapProfile>;

// A folder of its own, which goes with all files of these names.
class Folder {
 public:
  explicit Folder(std::vector<std::string> names) : names_(std::move(names)) {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~Folder() {
    for (const std::string& name : names_) unlink(Path(name).c_str());
    EXPECT_EQ(rmdir(path_.c_str()), 0);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::vector<std::string>& names() const { return names_; }
  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  std::string Text(const std::string& name) const {
    std::ifstream file(Path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  const std::vector<std::string> names_;
  std::string path_ = testing::TempDir() + "reports_XXXXXX";
};

[[maybe_unused]] bool Begins(const std::string& text,
                             const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

[[maybe_unused]] void Append(void* context, const char* text, size_t length) {
  static_cast<std::string*>(context)->append(text, length);
}

// `write` says why it cannot write to a place: no folder, a folder, no room.
template <typename Write>
void ExpectRefusals(Write write) {
  const struct {
    const char* path;
    int why;
  } places[] = {{"/no such folder/at all.json", ENOENT},
                {"/", EISDIR},
                {"/dev/full", ENOSPC},
                {"", ENOENT}};
  for (const auto& place : places) {
    errno = 0;
    EXPECT_FALSE(write(place.path)) << place.path;
    EXPECT_EQ(errno, place.why) << place.path;
  }
}

// Takes all blocks that can be had without the kernel, the largest first.
[[maybe_unused]] std::vector<FilledBlock> TakeAll() {
  std::vector<FilledBlock> blocks;
  const std::vector<size_t> sizes = ClassSizes();
  for (auto size = sizes.rbegin(); *size >= 4 * kKiB; ++size) {
    while (true) {
      const FilledBlock block = FilledBlock::New(*size);
      if (block.start == nullptr) break;
      blocks.push_back(block);
    }
  }
  return blocks;
}

const StatisticsPromise kForms("PrintStatistics", "InEachForm",
                               [](auto facade) {
                                 std::string texts[4];
                                 for (int form = 0; form < 4; ++form) {
                                   EXPECT_TRUE(facade.PrintStatistics(
                                       form, Append, &texts[form]));
                                   ASSERT_FALSE(texts[form].empty());
                                   EXPECT_EQ(texts[form].back(), '\n');
                                 }
                                 EXPECT_NO_THROW(ParseJson(texts[1]));
                                 EXPECT_NO_THROW(ParsePrometheus(texts[2]));
                                 EXPECT_NO_THROW(ParseXml(texts[3]));
                               });

const StatisticsPromise kTakesNothing(
    "PrintStatistics", "LeavesNothingInUse", [](auto facade) {
      std::string text;
      EXPECT_TRUE(facade.PrintStatistics(0, Append, &text));
      const size_t before = facade.Statistics().in_use.now;
      for (int round = 0; round < 10; ++round) {
        EXPECT_TRUE(facade.PrintStatistics(round % 4, Append, &text));
      }
      EXPECT_EQ(facade.Statistics().in_use.now, before);
    });

const StatisticsPromise kNoMemory(
    "PrintStatistics", "WithoutMemorySaysSo", [](auto facade) {
      std::string text;
      std::vector<FilledBlock> blocks;
      {
        KernelFaults faults;
        faults.RefuseAll(KernelCall::kMap);
        blocks = TakeAll();
        errno = 0;
        EXPECT_FALSE(facade.PrintStatistics(0, Append, &text));
        EXPECT_EQ(errno, ENOMEM);
        EXPECT_EQ(text, "");
        errno = 0;
        EXPECT_FALSE(facade.WriteStatistics("/dev/null"));
        EXPECT_EQ(errno, ENOMEM);
      }
      for (const FilledBlock& block : blocks) EXPECT_TRUE(block.Free());
      EXPECT_TRUE(facade.PrintStatistics(0, Append, &text)) << "the next one";
    });

const StatisticsPromise kFiles(
    "WriteStatistics", "TheNamesEndSaysInWhichForm", [](auto facade) {
      const Folder folder({"a.json", "a.prom", "a.xml", "a.txt", "a"});
      for (const std::string& name : folder.names()) {
        EXPECT_TRUE(facade.WriteStatistics(folder.Path(name).c_str())) << name;
      }
      EXPECT_NO_THROW(ParseJson(folder.Text("a.json")));
      EXPECT_NO_THROW(ParsePrometheus(folder.Text("a.prom")));
      EXPECT_NO_THROW(ParseXml(folder.Text("a.xml")));
      std::string text;
      EXPECT_TRUE(facade.PrintStatistics(0, Append, &text));
      const std::string first_line = text.substr(0, text.find('\n'));
      EXPECT_TRUE(Begins(folder.Text("a.txt"), first_line));
      EXPECT_TRUE(Begins(folder.Text("a"), first_line));
    });

const StatisticsPromise kNoFile("WriteStatistics", "SaysWhyItCannot",
                                [](auto facade) {
                                  ExpectRefusals([&](const char* path) {
                                    return facade.WriteStatistics(path);
                                  });
                                });

const HeapMapPromise kMap(
    "WriteHeapMap", "IsAPictureOrItsFigures", [](auto facade) {
      const FilledBlock small = FilledBlock::New(100);
      const FilledBlock large = FilledBlock::New(kMiB);
      const Folder folder({"map.svg", "map.json"});
      for (const std::string& name : folder.names()) {
        errno = EDOM;
        EXPECT_TRUE(facade.WriteHeapMap(folder.Path(name).c_str())) << name;
        EXPECT_EQ(errno, EDOM);
      }
      EXPECT_EQ(ParseXml(folder.Text("map.svg")).name, "svg");
      EXPECT_NO_THROW(ParseJson(folder.Text("map.json")));
      EXPECT_TRUE(small.Free() && large.Free());
    });

const HeapMapPromise kNoMap("WriteHeapMap", "SaysWhyItCannot", [](auto facade) {
  EXPECT_TRUE(FilledBlock::New(100).Free());
  ExpectRefusals([&](const char* path) { return facade.WriteHeapMap(path); });
  KernelFaults faults;
  faults.RefuseAll(KernelCall::kMap);
  errno = 0;
  EXPECT_FALSE(facade.WriteHeapMap("/dev/null"));
  EXPECT_EQ(errno, ENOMEM);
});

const HeapProfilePromise kNoProfile(
    "WriteHeapProfile", "IsNotSupportedWhereNobodyAskedForIt", [](auto facade) {
      const Folder folder({});
      const std::string path = folder.Path("profile");
      errno = 0;
      EXPECT_FALSE(facade.WriteHeapProfile(path.c_str()));
      EXPECT_EQ(errno, ENOTSUP);
      EXPECT_NE(access(path.c_str(), F_OK), 0) << "and there is no file";
    });

}  // namespace
}  // namespace course
