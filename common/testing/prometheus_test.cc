#include "common/testing/prometheus.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace course {
namespace {

// A family, and then what comes behind its TYPE.
std::string Gauge(const std::string& rest) {
  return "# HELP pool_bytes How much.\n# TYPE pool_bytes gauge\n" + rest;
}

std::string Named(const std::string& name, const std::string& type,
                  const std::string& value = "1") {
  return "# HELP " + name + " Help.\n# TYPE " + name + " " + type + "\n" +
         name + " " + value + "\n";
}

TEST(Prometheus, FamiliesAndSamplesAreRead) {
  const PrometheusFamilies families = ParsePrometheus(
      Gauge("pool_bytes 18446744073709551615\n"
            "pool_bytes{size=\"64\",place=\"a \\\"b\\\\ \\n}\"} -1.5e-3\n"
            "pool_bytes{size=\"8\"} NaN\npool_bytes{size=\"16\"} +Inf\n") +
      Named("pool_calls_total", "counter", "0"));
  ASSERT_EQ(families.size(), 2u);
  const PrometheusFamily& bytes = families.at("pool_bytes");
  EXPECT_EQ(bytes.type, "gauge");
  EXPECT_EQ(bytes.samples.size(), 4u);
  EXPECT_EQ(bytes.samples.at(""), "18446744073709551615");
  EXPECT_EQ(bytes.samples.at("place=\"a \\\"b\\\\ \\n}\",size=\"64\""),
            "-1.5e-3");
  EXPECT_EQ(families.at("pool_calls_total").type, "counter");
}

void ExpectRefused(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    EXPECT_THROW(ParsePrometheus(text), std::runtime_error) << text;
  }
}

TEST(Prometheus, AFamilyBeginsWithHelpAndType) {
  ExpectRefused({
      "",
      "pool_bytes 1\n",
      "# HELP pool_bytes How much.\npool_bytes 1\n",
      "# TYPE pool_bytes gauge\npool_bytes 1\n",
      "# TYPE pool_bytes gauge\n# HELP pool_bytes How much.\npool_bytes 1\n",
      "# HELP pool_bytes\n# TYPE pool_bytes gauge\npool_bytes 1\n",
      "# HELP pool_bytes \n# TYPE pool_bytes gauge\npool_bytes 1\n",
      "# HELP pool_bytes a\\b\n# TYPE pool_bytes gauge\npool_bytes 1\n",
      "# HELP pool_bytes a\n# TYPE pool_other gauge\npool_other 1\n",
      "# HELP pool_bytes a\n# TYPE pool_bytes integer\npool_bytes 1\n",
      "# HELP pool_bytes a\n# TYPE pool_bytes gauges\npool_bytes 1\n",
  });
}

TEST(Prometheus, ASampleIsANameAValueAndALineEnd) {
  ExpectRefused({
      Gauge("pool_bytes 1"),
      Gauge("pool_bytes 1\n\n"),
      Gauge("pool_bytes 1\r\n"),
      Gauge("pool_bytes\n"),
      Gauge("pool_bytes  1\n"),
      Gauge(" pool_bytes 1\n"),
      Gauge("pool_bytes 1 \n"),
      Gauge("pool_bytes 1 1700000000\n"),
      Gauge("pool_bytes 1,5\n"),
      Gauge("pool_bytes 0x10\n"),
      Gauge("pool_bytes 1.\n"),
      Gauge("pool_bytes 1e\n"),
      Gauge("pool_bytes one\n"),
      Gauge("pool_other 1\n"),
  });
}

TEST(Prometheus, SeriesAndLabelsAreThereOnce) {
  ExpectRefused({
      Gauge("pool_bytes 1\npool_bytes 2\n"),
      Gauge("pool_bytes{a=\"1\",b=\"2\"} 1\npool_bytes{b=\"2\",a=\"1\"} 1\n"),
      Gauge("pool_bytes{} 1\n"),
      Gauge("pool_bytes{a=\"1\",} 1\n"),
      Gauge("pool_bytes{a=1} 1\n"),
      Gauge("pool_bytes{a='1'} 1\n"),
      Gauge("pool_bytes{a=\"1\",a=\"2\"} 1\n"),
      Gauge("pool_bytes{a=\"1\" 1\n"),
      Gauge("pool_bytes{a=\"1} 1\n"),
      Gauge("pool_bytes{a=\"\n\"} 1\n"),
      Gauge("pool_bytes{a=\"\\t\"} 1\n"),
      Gauge("pool_bytes{1a=\"1\"} 1\n"),
      Gauge("pool_bytes{__a=\"1\"} 1\n"),
      Gauge("pool_bytes{a=\"\xff\"} 1\n"),
      Gauge("pool_bytes{aB=\"1\"} 1\n"),
      Gauge("pool_bytes 1\n") + Gauge("pool_bytes{a=\"1\"} 1\n"),
      Gauge("pool_bytes 1\n# a remark\n"),
      Gauge("pool_bytes 1\n") + Named("pool_a", "gauge") +
          "pool_bytes{a=\"1\"} 1\n",
  });
}

TEST(Prometheus, NamesAreAsItsAdviceHasThem) {
  EXPECT_NO_THROW(ParsePrometheus(Named("pool_wait_seconds", "gauge")));
  EXPECT_NO_THROW(ParsePrometheus(Named("pool_bytes_total", "counter")));
  for (const char* const name :
       {"pool_calls_total", "pool_wait_ns", "pool_kb", "pool_ms_waited",
        "pool_milliseconds", "pool_hits_percent", "pool_gauge", "pool_sum",
        "pool_count", "pool_bucket", "Pool_bytes", "poolBytes", "pool:bytes",
        "pool__bytes", "1pool", "_pool", "pool_bytes_"}) {
    EXPECT_THROW(ParsePrometheus(Named(name, "gauge")), std::runtime_error)
        << name;
  }
  EXPECT_THROW(ParsePrometheus(Named("pool_calls", "counter")),
               std::runtime_error);
}

TEST(Prometheus, CountersOnlyGrow) {
  EXPECT_THROW(ParsePrometheus(Named("pool_calls_total", "counter", "-1")),
               std::runtime_error);
  EXPECT_NO_THROW(ParsePrometheus(Named("pool_rest", "gauge", "-1")));
}

}  // namespace
}  // namespace course
