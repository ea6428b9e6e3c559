// The forms that programs read, of statistics that were made by hand: they must
// say what the struct says, and strict parsers must understand them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "common/testing/json.h"
#include "common/testing/json_schema.h"
#include "common/testing/prometheus.h"
#include "common/testing/xml.h"
#include "made_statistics.h"
#include "pool/stats.h"

namespace pool {
namespace {

using course::JsonValue;
using course::PrometheusFamilies;
using course::XmlElement;

JsonValue Json(const Snapshot& statistics) {
  return course::ParseJson(Written(statistics, StatisticsForm::kJson));
}

PrometheusFamilies Prometheus(const Snapshot& statistics) {
  return course::ParsePrometheus(
      Written(statistics, StatisticsForm::kPrometheus));
}

XmlElement Xml(const Snapshot& statistics) {
  return course::ParseXml(Written(statistics, StatisticsForm::kXml));
}

course::JsonSchema Schema() {
  std::ostringstream text;
  text << std::ifstream(COURSE_DOCS "/statistics.schema.json").rdbuf();
  return course::JsonSchema(text.str());
}

void ExpectGauge(const JsonValue& value, const Gauge& gauge) {
  EXPECT_EQ(value["now"].Unsigned(), gauge.now);
  EXPECT_EQ(value["peak"].Unsigned(), gauge.peak);
}

void ExpectLock(const JsonValue& value, const LockStatistics& lock) {
  EXPECT_EQ(value["taken"].Unsigned(), lock.taken);
  EXPECT_EQ(value["waited"].Unsigned(), lock.waited);
  EXPECT_EQ(value["longest_wait_ns"].Unsigned(), lock.longest);
}

void ExpectKernel(const JsonValue& value, const KernelStatistics& kernel) {
  EXPECT_EQ(value["calls"].Unsigned(), kernel.calls);
  EXPECT_EQ(value["bytes"].Unsigned(), kernel.bytes);
}

TEST(JsonForm, KeepsToItsSchema) {
  const course::JsonSchema schema = Schema();
  EXPECT_EQ(schema.WhatBreaks(Json(Zeros())), "");
  EXPECT_EQ(schema.WhatBreaks(Json(Made(3))), "");
  EXPECT_EQ(schema.WhatBreaks(Json(Made(208))), "");
  EXPECT_EQ(schema.WhatBreaks(Json(Huge())), "");
  const Snapshot moving = Made(1);
  moving->unaccounted = -4096;
  EXPECT_EQ(schema.WhatBreaks(Json(moving)), "");
}

// Or the test above would pass whatever is written.
TEST(JsonForm, TheSchemaRefusesWhatIsLeftOutOrAdded) {
  const course::JsonSchema schema = Schema();
  const JsonValue whole = Json(Made(1));
  for (size_t i = 0; i < whole.fields.size(); ++i) {
    JsonValue without = whole;
    without.fields.erase(without.fields.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_NE(schema.WhatBreaks(without), "") << whole.fields[i].first;
    JsonValue other = whole;
    other.fields[i].second = JsonValue{};
    EXPECT_NE(schema.WhatBreaks(other), "") << whole.fields[i].first;
  }
  JsonValue more = whole;
  more.fields.emplace_back("more", JsonValue{});
  EXPECT_NE(schema.WhatBreaks(more), "");
}

TEST(JsonForm, TheEquationHolds) {
  const Snapshot made = Made(5);
  made->system.now -= 4096;
  made->unaccounted = -4096;
  const JsonValue json = Json(made);
  const JsonValue& bytes = json["bytes"];
  int64_t sum = bytes["unaccounted"].Signed();
  for (const char* const part :
       {"in_use", "in_thread_caches", "in_central_cache", "tails", "free",
        "returned", "metadata", "abandoned", "refused"}) {
    sum += bytes[part]["now"].Signed();
  }
  EXPECT_EQ(bytes["system"]["now"].Signed(), sum);
}

TEST(JsonForm, SaysWhatTheStructSays) {
  const Snapshot made = Made(2);
  made->changes = 21;
  made->allocations = 22;
  made->hits = 20;
  made->asked_is_exact = true;
  const JsonValue json = Json(made);
  EXPECT_EQ(json["process"].Signed(), getpid());
  EXPECT_EQ(json["changes"].Unsigned(), 21u);
  EXPECT_EQ(json["allocations"].Unsigned(), 22u);
  EXPECT_EQ(json["hits"].Unsigned(), 20u);
  const JsonValue& bytes = json["bytes"];
  ExpectGauge(bytes["system"], made->system);
  ExpectGauge(bytes["in_use"], made->in_use);
  ExpectGauge(bytes["in_thread_caches"], made->in_thread_caches);
  ExpectGauge(bytes["in_central_cache"], made->in_central_cache);
  ExpectGauge(bytes["tails"], made->tails);
  ExpectGauge(bytes["free"], made->free);
  ExpectGauge(bytes["returned"], made->returned);
  ExpectGauge(bytes["metadata"], made->metadata);
  ExpectGauge(bytes["abandoned"], made->abandoned);
  ExpectGauge(bytes["refused"], made->refused);
  ExpectGauge(bytes["asked"], made->asked);
  EXPECT_TRUE(bytes["asked_is_exact"].boolean);
  EXPECT_EQ(bytes["heap_in_use"].Unsigned(), made->heap_in_use);
  EXPECT_EQ(bytes["largest_free"].Unsigned(), made->largest_free);
  ExpectGauge(json["large"]["blocks"], made->large_blocks);
  EXPECT_EQ(json["large"]["bytes"].Unsigned(), made->large_in_use);
  EXPECT_EQ(json["large"]["taken"].Unsigned(), made->large_taken);
  ExpectGauge(json["threads"], made->threads);
  ExpectKernel(json["kernel"]["map"], made->map);
  ExpectKernel(json["kernel"]["unmap"], made->unmap);
  ExpectKernel(json["kernel"]["discard"], made->discard);
  ExpectLock(json["locks"]["heap"], made->heap_lock);
  ExpectLock(json["locks"]["threads"], made->thread_lock);
  ExpectLock(json["locks"]["magazines"], made->magazine_lock);
  ExpectLock(json["locks"]["classes"], made->ClassLocks());
}

TEST(JsonForm, ClassesThatWereUsedAreThere) {
  const Snapshot made = Zeros();
  Fill(made->classes[1], 1);
  Fill(made->classes[207], 2);
  made->classes[207].allocations = 23;
  made->classes[207].hits = 22;
  const JsonValue json = Json(made);
  ASSERT_EQ(json["classes"].items.size(), 2u);
  EXPECT_EQ(json["classes"].items[0]["size"].Unsigned(), 16u);
  const JsonValue& row = json["classes"].items[1];
  const ClassStatistics& each = made->classes[207];
  EXPECT_EQ(row["size"].Unsigned(), 256u * 1024);
  ExpectGauge(row["in_use"], each.in_use);
  EXPECT_EQ(row["in_caches"].Unsigned(), each.in_caches);
  EXPECT_EQ(row["free"].Unsigned(), each.free);
  EXPECT_EQ(row["uncarved"].Unsigned(), each.uncarved);
  ExpectGauge(row["out"], each.out);
  EXPECT_EQ(row["capacity"].Unsigned(), each.capacity);
  ExpectGauge(row["spans"], each.spans);
  EXPECT_EQ(row["spans_taken"].Unsigned(), each.spans_taken);
  EXPECT_EQ(row["spans_given_up"].Unsigned(), each.spans_given_up);
  EXPECT_EQ(row["misses"].Unsigned(), each.misses);
  EXPECT_EQ(row["fetched"].Unsigned(), each.fetched);
  EXPECT_EQ(row["releases"].Unsigned(), each.releases);
  EXPECT_EQ(row["released"].Unsigned(), each.released);
  EXPECT_EQ(row["allocations"].Unsigned(), 23u);
  EXPECT_EQ(row["hits"].Unsigned(), 22u);
  EXPECT_EQ(row["asked_bytes"].Unsigned(), each.asked);
  ExpectLock(row["lock"], each.lock);
}

TEST(JsonForm, PartsAreDecimals) {
  const Snapshot made = Zeros();
  made->in_use.now = 1000;
  made->asked.now = 995;
  made->free.now = 1000;
  made->largest_free = 250;
  EXPECT_EQ(Json(made)["internal_fragmentation"].text, "0.005");
  EXPECT_EQ(Json(made)["external_fragmentation"].text, "0.750");
}

TEST(JsonForm, TheLargestNumbersAreWhole) {
  const JsonValue json = Json(Huge());
  EXPECT_EQ(json["bytes"]["system"]["now"].Unsigned(), SIZE_MAX);
  EXPECT_EQ(json["bytes"]["unaccounted"].Signed(), PTRDIFF_MIN);
}

TEST(PrometheusForm, IsWhatAStrictParserReads) {
  EXPECT_NO_THROW(Prometheus(Zeros()));
  EXPECT_NO_THROW(Prometheus(Made(3)));
  EXPECT_NO_THROW(Prometheus(Made(208)));
  EXPECT_NO_THROW(Prometheus(Huge()));
}

TEST(PrometheusForm, PlacesAddUpToTheWhole) {
  const Snapshot made = Made(4);
  made->unaccounted = -77;
  made->system.now -= 77;
  PrometheusFamilies families = Prometheus(made);
  int64_t sum = std::stoll(families["pool_unaccounted_bytes"].samples[""]);
  EXPECT_EQ(sum, -77);
  EXPECT_EQ(families["pool_memory_bytes"].samples.size(), 9u);
  for (const auto& [labels, value] : families["pool_memory_bytes"].samples) {
    sum += std::stoll(value);
  }
  EXPECT_EQ(sum, static_cast<int64_t>(made->system.now));
  EXPECT_EQ(families["pool_system_bytes"].samples[""], std::to_string(sum));
}

TEST(PrometheusForm, ClassesHaveTheirSizeAsALabel) {
  const Snapshot made = Zeros();
  Fill(made->classes[1], 1);
  Fill(made->classes[6], 2);
  const ClassStatistics& each = made->classes[6];
  PrometheusFamilies families = Prometheus(made);
  EXPECT_EQ(families["pool_class_misses_total"].samples.size(), 2u);
  EXPECT_EQ(families["pool_class_misses_total"].samples["size=\"56\""],
            std::to_string(each.misses));
  auto& blocks = families["pool_class_blocks"].samples;
  EXPECT_EQ(blocks.size(), 8u);
  EXPECT_EQ(blocks["place=\"uncarved\",size=\"56\""],
            std::to_string(each.uncarved));
  EXPECT_EQ(
      families["pool_class_lock_longest_wait_seconds"].samples["size=\"56\""],
      "0.000002015");
}

TEST(PrometheusForm, ClassesSayWhatTheStructSays) {
  const Snapshot made = Zeros();
  ClassStatistics& each = made->classes[6];
  Fill(each, 2);
  made->allocations = 1000;
  each.allocations = 900;
  each.hits = 800;
  const std::map<std::string, size_t> expected = {
      {"in_use_peak_blocks", each.in_use.peak},
      {"out_blocks", each.out.now},
      {"out_peak_blocks", each.out.peak},
      {"capacity_blocks", each.capacity},
      {"spans", each.spans.now},
      {"spans_peak", each.spans.peak},
      {"spans_taken_total", each.spans_taken},
      {"spans_given_up_total", each.spans_given_up},
      {"misses_total", each.misses},
      {"fetched_blocks_total", each.fetched},
      {"releases_total", each.releases},
      {"released_blocks_total", each.released},
      {"allocations_total", each.allocations},
      {"hits_total", each.hits},
      {"asked_bytes", each.asked},
      {"lock_taken_total", each.lock.taken},
      {"lock_waited_total", each.lock.waited},
  };
  PrometheusFamilies families = Prometheus(made);
  for (const auto& [name, value] : expected) {
    EXPECT_EQ(families["pool_class_" + name].samples["size=\"56\""],
              std::to_string(value))
        << name;
  }
}

TEST(PrometheusForm, TheWholeSaysWhatTheStructSays) {
  const Snapshot made = Made(2);
  made->changes = 3;
  made->asked_is_exact = true;
  const std::map<std::string, size_t> expected = {
      {"system_bytes", made->system.now},
      {"system_peak_bytes", made->system.peak},
      {"snapshot_changes", made->changes},
      {"asked_bytes", made->asked.now},
      {"asked_peak_bytes", made->asked.peak},
      {"asked_is_exact", 1},
      {"heap_in_use_bytes", made->heap_in_use},
      {"longest_free_run_bytes", made->largest_free},
      {"large_blocks", made->large_blocks.now},
      {"large_blocks_peak", made->large_blocks.peak},
      {"large_blocks_bytes", made->large_in_use},
      {"large_blocks_taken_total", made->large_taken},
      {"threads", made->threads.now},
      {"threads_peak", made->threads.peak},
  };
  PrometheusFamilies families = Prometheus(made);
  for (const auto& [name, value] : expected) {
    EXPECT_EQ(families["pool_" + name].samples[""], std::to_string(value))
        << name;
  }
  auto& waited = families["pool_lock_waited_total"].samples;
  EXPECT_EQ(waited["lock=\"heap\""], "17");
  EXPECT_EQ(waited["lock=\"threads\""], "19");
  EXPECT_EQ(waited["lock=\"classes\""], "58");
  EXPECT_EQ(families["pool_memory_bytes"].samples["place=\"tails\""], "70001");
  EXPECT_EQ(families["pool_memory_peak_bytes"].samples["place=\"tails\""],
            "70005");
}

TEST(PrometheusForm, UnitsAreBytesAndSeconds) {
  const Snapshot made = Made(1);
  made->heap_lock.longest = 1234567890;
  PrometheusFamilies families = Prometheus(made);
  EXPECT_EQ(families["pool_lock_longest_wait_seconds"].samples["lock=\"heap\""],
            "1.234567890");
  EXPECT_EQ(families["pool_kernel_bytes_total"].samples["call=\"map\""], "12");
  EXPECT_EQ(families["pool_kernel_calls_total"].samples["call=\"discard\""],
            "15");
}

TEST(PrometheusForm, WhatIsNotCountedIsNotThere) {
  const Snapshot made = Made(1);
  EXPECT_EQ(Prometheus(made).count("pool_hits_total"), 0u);
  EXPECT_EQ(Prometheus(made).count("pool_class_hits_total"), 0u);
  made->allocations = 10;
  made->hits = 9;
  made->classes[0].hits = 8;
  PrometheusFamilies families = Prometheus(made);
  EXPECT_EQ(families["pool_allocations_total"].samples[""], "10");
  EXPECT_EQ(families["pool_hits_total"].samples[""], "9");
  EXPECT_EQ(families["pool_class_hits_total"].samples["size=\"8\""], "8");
}

TEST(XmlForm, IsLaidOutAsGlibcsIs) {
  const Snapshot made = Made(3);
  const XmlElement root = Xml(made);
  EXPECT_EQ(root.name, "malloc");
  EXPECT_EQ(root["version"], "1");
  const XmlElement heap = root.Only("heap");
  EXPECT_EQ(heap["nr"], "0");
  for (const XmlElement& each : {root, heap}) {
    ASSERT_GE(each.All("total").size(), 2u);
    EXPECT_EQ(each.All("total")[0]["type"], "fast");
    EXPECT_EQ(each.All("total")[0].Number("size"), made->in_thread_caches.now);
    EXPECT_EQ(each.All("total")[0].Number("count"), 66u);
    EXPECT_EQ(each.All("total")[1]["type"], "rest");
    EXPECT_EQ(each.All("total")[1].Number("size"),
              made->in_central_cache.now + made->free.now);
    EXPECT_EQ(each.All("total")[1].Number("count"), 141u + 1);
    ASSERT_EQ(each.All("system").size(), 2u);
    EXPECT_EQ(each.All("system")[0]["type"], "current");
    EXPECT_EQ(each.All("system")[0].Number("size"),
              made->system.now - made->returned.now);
    EXPECT_EQ(each.All("system")[1]["type"], "max");
    EXPECT_EQ(each.All("system")[1].Number("size"), made->system.peak);
    ASSERT_EQ(each.All("aspace").size(), 2u);
    EXPECT_EQ(each.All("aspace")[0]["type"], "total");
    EXPECT_EQ(each.All("aspace")[1]["type"], "mprotect");
  }
  ASSERT_EQ(root.All("total").size(), 3u);
  EXPECT_EQ(root.All("total")[2]["type"], "mmap");
  EXPECT_EQ(root.All("total")[2].Number("count"), 3u);
  EXPECT_EQ(root.All("total")[2].Number("size"), made->large_in_use);
}

TEST(XmlForm, SizesAreOfFreeBlocks) {
  const Snapshot made = Zeros();
  Fill(made->classes[2], 1);
  const XmlElement sizes = Xml(made).Only("heap").Only("sizes");
  ASSERT_EQ(sizes.children.size(), 1u);
  EXPECT_EQ(sizes.children[0].name, "size");
  EXPECT_EQ(sizes.children[0].Number("from"), 17u);
  EXPECT_EQ(sizes.children[0].Number("to"), 24u);
  EXPECT_EQ(sizes.children[0].Number("count"), 12u + 13 + 14);
  EXPECT_EQ(sizes.children[0].Number("total"), (12u + 13 + 14) * 24);
}

TEST(XmlForm, ZerosAndTheLargestNumbersAreWellFormed) {
  EXPECT_TRUE(Xml(Zeros()).Only("heap").Only("sizes").children.empty());
  EXPECT_EQ(Xml(Huge()).Only("heap").Only("sizes").children.size(), 208u);
}

}  // namespace
}  // namespace pool
