// classic_trace: replays traces on all five policies and prints what happened
// as JSON, for `course classic` to make tables and pictures of.
//
//   classic_trace --list          the names of the made traces, one a line
//   classic_trace NAME|FILE ...   replays made traces and recorded ones
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/classic/made_traces.h"
#include "common/classic/policies.h"
#include "common/classic/replay.h"
#include "common/classic/trace.h"

namespace course::classic {
namespace {

constexpr int kUsageError = 2;

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= ' ') quoted += c;
  }
  return quoted + '"';
}

// [offset, bytes, asked] for each block; asked is -1 where nobody lives.
void PrintBlocks(const std::vector<BlockView>& blocks) {
  const char* separator = "";
  for (const BlockView& block : blocks) {
    const long asked = block.live ? static_cast<long>(block.asked) : -1;
    std::printf("%s[%zu,%zu,%ld]", separator, block.offset, block.bytes, asked);
    separator = ",";
  }
}

void PrintSnapshot(const Snapshot& now) {
  std::printf(
      "{\"event\": %zu, \"asked\": %zu, \"live\": %zu, \"free\": %zu,\n"
      "     \"largest_free\": %zu, \"holes\": %zu, \"internal\": %.4f, "
      "\"external\": %.4f,\n     \"largest_served\": %zu, "
      "\"largest_scattered\": %zu,\n     \"blocks\": [",
      now.event, now.asked, now.live, now.free.bytes, now.free.largest,
      now.free.holes, now.internal, now.external, now.largest_served,
      now.largest_scattered);
  PrintBlocks(now.blocks);
  std::printf("]}");
}

double Mean(size_t sum, size_t count) {
  return count == 0 ? 0 : static_cast<double>(sum) / count;
}

void PrintReplay(const Arena& arena, const Replay& replay) {
  const Counters& seen = arena.counters();
  std::printf(
      "  {\"policy\": %s, \"allocations\": %zu, \"refusals\": %zu,\n"
      "   \"search\": {\"mean\": %.3f, \"most\": %zu}, "
      "\"release\": {\"mean\": %.3f, \"most\": %zu},\n"
      "   \"internal\": %.4f, \"external\": %.4f, \"high_water\": %zu,\n"
      "   \"snapshots\": [",
      Quoted(arena.name()).c_str(), seen.allocations, seen.refusals,
      Mean(seen.search_steps, seen.allocations + seen.refusals),
      seen.longest_search, Mean(seen.release_steps, seen.releases),
      seen.longest_release, replay.mean_internal, replay.mean_external,
      seen.high_water);
  const char* separator = "";
  for (const Snapshot& now : replay.snapshots) {
    std::printf("%s\n    ", separator);
    PrintSnapshot(now);
    separator = ",";
  }
  std::printf("]}");
}

// False, with a line on standard error, when a policy broke its invariants.
bool PrintTrace(const Trace& trace) {
  const size_t bytes = ArenaBytesFor(trace);
  std::printf(
      " {\"trace\": %s, \"about\": %s, \"arena\": %zu,\n"
      "  \"events\": %zu, \"blocks\": %u, \"peak_asked\": %zu, "
      "\"policies\": [",
      Quoted(trace.name).c_str(), Quoted(trace.about).c_str(), bytes,
      trace.events.size(), trace.blocks, PeakAsked(trace));
  const char* separator = "";
  for (const Policy& policy : Policies()) {
    // Bytes behind a max_align_t boundary: new char[] gives one.
    const std::unique_ptr<char[]> memory(new char[bytes]);
    const std::unique_ptr<Arena> arena = policy.make(memory.get(), bytes);
    const Replay replay = ReplayTrace(trace, arena.get());
    std::printf("%s\n", separator);
    PrintReplay(*arena, replay);
    separator = ",";
    const std::string wrong = arena->Validate();
    if (wrong.empty()) continue;
    std::fprintf(stderr, "classic_trace: %s on %s: %s\n", policy.name,
                 trace.name.c_str(), wrong.c_str());
    return false;
  }
  std::printf("\n ]}");
  return true;
}

// server.trace -> server
std::string NameOfFile(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  const std::string name =
      slash == std::string::npos ? path : path.substr(slash + 1);
  return name.substr(0, name.find_last_of('.'));
}

bool FindTrace(const std::string& wanted, Trace* trace) {
  for (const std::string& name : MadeTraceNames()) {
    if (name != wanted) continue;
    *trace = MakeTrace(name);
    return true;
  }
  trace->name = NameOfFile(wanted);
  const std::string wrong = ReadTrace(wanted, trace);
  if (wrong.empty()) return true;
  std::fprintf(stderr, "classic_trace: %s\n", wrong.c_str());
  return false;
}

int Run(const std::vector<std::string>& wanted) {
  std::vector<Trace> traces(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!FindTrace(wanted[i], &traces[i])) return kUsageError;
  }
  std::printf("{\"header\": %zu, \"traces\": [\n", kHeaderBytes);
  const char* separator = "";
  for (const Trace& trace : traces) {
    std::printf("%s", separator);
    if (!PrintTrace(trace)) return 1;
    separator = ",\n";
  }
  std::printf("\n]}\n");
  return 0;
}

}  // namespace
}  // namespace course::classic

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) {
    std::fprintf(stderr, "usage: classic_trace --list | NAME|FILE ...\n");
    return course::classic::kUsageError;
  }
  if (words.front() == "--list") {
    for (const std::string& name : course::classic::MadeTraceNames()) {
      std::puts(name.c_str());
    }
    return 0;
  }
  return course::classic::Run(words);
}
