#include "pool/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/testing/child.h"

namespace pool {
namespace {

struct Pieces {
  static void Take(void* context, const char* text, size_t length) {
    static_cast<Pieces*>(context)->pieces.emplace_back(text, length);
  }
  std::string Whole() const {
    std::string whole;
    for (const std::string& piece : pieces) whole += piece;
    return whole;
  }
  std::vector<std::string> pieces;
};

template <typename Write>
std::string Written(Write write) {
  Pieces pieces;
  {
    Output output(Pieces::Take, &pieces);
    write(output);
  }
  return pieces.Whole();
}

TEST(Output, NumbersAndText) {
  EXPECT_EQ(Written([](Output& output) {
              output << "a" << 'b' << size_t{0} << ' ' << SIZE_MAX << "";
            }),
            "ab0 18446744073709551615");
  EXPECT_EQ(Written([](Output& output) {
              output << reinterpret_cast<const void*>(uintptr_t{0x12abcdef});
            }),
            "0x12abcdef");
  EXPECT_EQ(Written([](Output& output) {
              output << static_cast<const void*>(nullptr);
            }),
            "0x0");
}

TEST(Output, FixedHasAsManyDigitsBehindThePointAsAsked) {
  const auto fixed = [](size_t number, size_t digits) {
    return Written([&](Output& output) { output.Fixed(number, digits); });
  };
  EXPECT_EQ(fixed(1234, 2), "12.34");
  EXPECT_EQ(fixed(1234, 0), "1234");
  EXPECT_EQ(fixed(0, 3), "0.000");
  EXPECT_EQ(fixed(5, 3), "0.005");
  EXPECT_EQ(fixed(1000, 3), "1.000");
  EXPECT_EQ(fixed(SIZE_MAX, 9), "18446744073.709551615");
}

TEST(Output, ColumnsAreFilledAndNothingIsCut) {
  EXPECT_EQ(Written([](Output& output) {
              output.Left("ab", 4).Right("cd", 4).Right(12, 5) << '|';
            }),
            "ab    cd   12|");
  EXPECT_EQ(Written([](Output& output) {
              output.Left("abc", 2).Right("def", 0).Right(1234, 4);
            }),
            "abcdef1234");
}

TEST(Output, PiecesComeInOrderAndWhole) {
  Pieces pieces;
  std::string expected;
  {
    Output output(Pieces::Take, &pieces);
    for (size_t i = 0; i < 1000; ++i) {
      output << i << ',';
      expected += std::to_string(i) + ",";
    }
    EXPECT_LT(pieces.Whole().size(), expected.size());
    output.Flush();
    EXPECT_EQ(pieces.Whole(), expected);
    output.Flush();  // nothing is left
  }
  EXPECT_EQ(pieces.Whole(), expected);
  for (const std::string& piece : pieces.pieces) EXPECT_FALSE(piece.empty());
}

TEST(Output, ATextOfTheBuffersLengthIsNeitherCutNorDoubled) {
  for (size_t length = 250; length < 260; ++length) {
    const std::string text(length, 'x');
    EXPECT_EQ(Written([&](Output& output) { output << text.c_str(); }), text);
  }
}

TEST(ShortText, BytesInTheUnitInWhichTheyAreAFewHundred) {
  const auto bytes = [](size_t n) -> std::string {
    return ShortText::Bytes(n).text();
  };
  EXPECT_EQ(bytes(0), "0 B");
  EXPECT_EQ(bytes(1023), "1023 B");
  EXPECT_EQ(bytes(1024), "1.0 KiB");
  EXPECT_EQ(bytes(1536), "1.5 KiB");
  EXPECT_EQ(bytes(1024 * 1024 - 52), "1023.9 KiB");
  EXPECT_EQ(bytes(1024 * 1024 - 51), "1.0 MiB");  // rounded
  EXPECT_EQ(bytes(size_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(bytes(size_t{1} << 40), "1.0 TiB");
  EXPECT_EQ(bytes(size_t{1} << 50), "1.0 PiB");
  EXPECT_EQ(bytes(size_t{1} << 60), "1.0 EiB");
  EXPECT_EQ(bytes(SIZE_MAX), "16.0 EiB");
}

TEST(ShortText, CountsInShort) {
  const auto count = [](size_t n) -> std::string {
    return ShortText::Count(n).text();
  };
  EXPECT_EQ(count(0), "0");
  EXPECT_EQ(count(999999), "999999");
  EXPECT_EQ(count(1000000), "1.0 M");
  EXPECT_EQ(count(2500000), "2.5 M");
  EXPECT_EQ(count(999949999), "999.9 M");
  EXPECT_EQ(count(999950000), "1.0 G");
  EXPECT_EQ(count(SIZE_MAX), "18.4 E");
}

TEST(ShortText, Percent) {
  const auto percent = [](size_t part, size_t whole) -> std::string {
    return ShortText::Percent(part, whole).text();
  };
  EXPECT_EQ(percent(1, 8), "12.5 %");
  EXPECT_EQ(percent(0, 8), "0.0 %");
  EXPECT_EQ(percent(8, 8), "100.0 %");
  EXPECT_EQ(percent(1, 3), "33.3 %");
  EXPECT_EQ(percent(2, 3), "66.7 %");
  EXPECT_EQ(percent(0, 0), "-");
  EXPECT_EQ(percent(1, 0), "-");
  // Not all of them, so that is not said.
  EXPECT_EQ(percent(999999, 1000000), "99.9 %");
  EXPECT_EQ(percent(SIZE_MAX - 1, SIZE_MAX), "99.9 %");
  EXPECT_EQ(percent(SIZE_MAX, SIZE_MAX), "100.0 %");
  EXPECT_EQ(percent(SIZE_MAX / 4 + 1, SIZE_MAX), "25.0 %");
  EXPECT_EQ(percent(1, SIZE_MAX), "0.0 %");
  EXPECT_EQ(percent(3, 2), "150.0 %");
}

TEST(ShortText, Nanoseconds) {
  const auto time = [](size_t n) -> std::string {
    return ShortText::Nanoseconds(n).text();
  };
  EXPECT_EQ(time(0), "0 ns");
  EXPECT_EQ(time(999), "999 ns");
  EXPECT_EQ(time(1000), "1.0 us");
  EXPECT_EQ(time(2500), "2.5 us");
  EXPECT_EQ(time(999950), "1.0 ms");
  EXPECT_EQ(time(1234567890), "1.2 s");
  EXPECT_EQ(time(SIZE_MAX), "18446744073.7 s");
}

// A folder of its own for a test, empty, and gone at the end.
class OutputFileTest : public testing::Test {
 protected:
  OutputFileTest() {
    folder_ = testing::TempDir() + "output_test.XXXXXX";
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  }
  ~OutputFileTest() override {
    for (const std::string& path : paths_) unlink(path.c_str());
    rmdir(folder_.c_str());
  }

  std::string Path(const std::string& name) {
    paths_.push_back(folder_ + "/" + name);
    return paths_.back();
  }

  static std::string Contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

 private:
  std::string folder_;
  std::vector<std::string> paths_;
};

TEST_F(OutputFileTest, IsMadeOrEmptiedAndWritten) {
  const std::string path = Path("file");
  for (const char* const text : {"the first, a longer one", "second"}) {
    OutputFile file(path.c_str());
    { Output(OutputFile::Write, &file) << text; }
    EXPECT_TRUE(file.Good());
    errno = 7;
    EXPECT_TRUE(file.Close());
    EXPECT_EQ(errno, 7);
    EXPECT_EQ(Contents(path), text);
  }
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  const mode_t mask = umask(0);
  umask(mask);
  EXPECT_EQ(status.st_mode & 0777, mode_t{0644} & ~mask);
}

TEST_F(OutputFileTest, ThePathCanNameTheProcess) {
  const std::string pid = std::to_string(getpid());
  const std::string path = Path("a" + pid + "%-" + pid + "%");
  const std::string asked = path.substr(0, path.rfind('/')) + "/a%p%-%p%";
  OutputFile file(asked.c_str());
  { Output(OutputFile::Write, &file) << "here"; }
  EXPECT_TRUE(file.Close());
  EXPECT_EQ(Contents(path), "here");
}

TEST_F(OutputFileTest, WhyItCannotBeOpenedIsSaidAtTheEnd) {
  errno = 7;
  OutputFile file(Path("no such folder/file").c_str());
  EXPECT_FALSE(file.Good());
  { Output(OutputFile::Write, &file) << "for nobody"; }
  EXPECT_EQ(errno, 7);
  EXPECT_FALSE(file.Close());
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(OutputFileTest, APathThatIsTooLongIsNotCut) {
  std::string path = Path("");
  while (path.size() < 5000) path += "./";
  EXPECT_FALSE(OutputFile((path + "file").c_str()).Good());
  OutputFile file((path + "file").c_str());
  EXPECT_FALSE(file.Close());
  EXPECT_EQ(errno, ENAMETOOLONG);
}

TEST_F(OutputFileTest, TheDescriptorIsNotLeftToPrograms) {
  const std::string path = Path("file");
  OutputFile file(path.c_str());
  bool found = false;
  for (int descriptor = 0; descriptor < 100; ++descriptor) {
    struct stat one;
    struct stat other;
    if (fstat(descriptor, &one) != 0) continue;
    ASSERT_EQ(stat(path.c_str(), &other), 0);
    if (one.st_ino != other.st_ino || one.st_dev != other.st_dev) continue;
    found = true;
    EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_TRUE(found);
}

TEST_F(OutputFileTest, ADiskThatIsFullIsNoticed) {
  OutputFile file("/dev/full");
  { Output(OutputFile::Write, &file) << "x"; }
  EXPECT_FALSE(file.Good());
  EXPECT_FALSE(file.Close());
  EXPECT_EQ(errno, ENOSPC);
}

// The first write is a short one: the file may not become longer.
TEST_F(OutputFileTest, AShortWriteIsFollowedByTheRest) {
  const std::string path = Path("file");
  const auto body = [&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {100, 100};
    setrlimit(RLIMIT_FSIZE, &limit);
    OutputFile file(path.c_str());
    OutputFile::Write(&file, std::string(150, 'x').c_str(), 150);
    if (file.Close() || errno != EFBIG) _exit(1);
  };
  EXPECT_EQ(course::RunInChild(body), "");
  EXPECT_EQ(Contents(path), std::string(100, 'x'));
}

void DoNothing(int) {}

// What is more than a pipe holds makes the writer wait, and signals interrupt
// it: at times before anything, at times after a part was written.
TEST_F(OutputFileTest, SignalsDoNotLoseAByte) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string text = [] {
    std::string numbers;
    for (int i = 0; i < 100000; ++i) numbers += std::to_string(i);
    return numbers;
  }();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    struct sigaction action = {};
    action.sa_handler = DoNothing;  // and no SA_RESTART
    sigaction(SIGUSR1, &action, nullptr);
    OutputFile file(ends[1]);
    OutputFile::Write(&file, text.data(), text.size());
    _exit(file.Close() ? 0 : 1);
  }
  close(ends[1]);
  std::string received;
  char buffer[1000];
  // SIGUSR1 ends a child that is not ready for it: the first bytes say it is.
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    received.append(buffer, static_cast<size_t>(n));
    kill(child, SIGUSR1);
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(course::HowItEnded(status), "");
  EXPECT_EQ(received, text);
}

TEST_F(OutputFileTest, ADescriptorStaysOpenAndErrnoStays) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    OutputFile file(ends[1]);
    errno = 7;
    OutputFile::Write(&file, "one", 3);
    EXPECT_EQ(errno, 7);
  }
  {
    OutputFile file(ends[1]);
    OutputFile::Write(&file, "two", 3);
    EXPECT_TRUE(file.Close());
  }
  char buffer[16];
  EXPECT_EQ(read(ends[0], buffer, sizeof(buffer)), 6);
  close(ends[0]);
  close(ends[1]);
  OutputFile closed(ends[1]);
  errno = 7;
  OutputFile::Write(&closed, "three", 5);
  EXPECT_EQ(errno, 7);
  EXPECT_FALSE(closed.Close());
  EXPECT_EQ(errno, EBADF);
}

// A call of the pool promises to return, also in a thread that was cancelled.
TEST_F(OutputFileTest, ACancelledThreadWritesToTheEnd) {
  struct Shared {
    std::string path;
    bool done;
  } shared = {Path("file"), false};
  pthread_t thread;
  const auto body = [](void* context) -> void* {
    auto& state = *static_cast<Shared*>(context);
    pthread_cancel(pthread_self());
    OutputFile file(state.path.c_str());
    { Output(OutputFile::Write, &file) << "all of it"; }
    state.done = file.Close();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, nullptr, body, &shared), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  EXPECT_TRUE(shared.done);
  EXPECT_EQ(Contents(shared.path), "all of it");
}

}  // namespace
}  // namespace pool
