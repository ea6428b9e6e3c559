#include "common/testing/xml.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace course {
namespace {

TEST(Xml, ElementsAttributesAndTextAreRead) {
  const XmlElement root = ParseXml(
      "<?xml version=\"1.0\"?>\n<!-- a note -->\n"
      "<a x=\"1\" y='two'>left<b n=\"7\"/> <!-- - --> <b n=\"8\" ></b>"
      "<c:d-1.e/>&lt;right&#65;&#x20ac;</a >\n");
  EXPECT_EQ(root.name, "a");
  EXPECT_EQ(root["x"], "1");
  EXPECT_EQ(root["y"], "two");
  EXPECT_EQ(root.text, "left  <rightA\u20ac");
  ASSERT_EQ(root.All("b").size(), 2u);
  EXPECT_EQ(root.All("b")[1].Number("n"), 8u);
  EXPECT_EQ(root.Only("c:d-1.e").children.size(), 0u);
  EXPECT_THROW(root.Only("b"), std::runtime_error);
  EXPECT_THROW(root.Only("z"), std::runtime_error);
  EXPECT_THROW(root["z"], std::runtime_error);
  EXPECT_THROW(root.Number("y"), std::runtime_error);
}

TEST(Xml, EntitiesStandForWhatTheyMean) {
  EXPECT_EQ(ParseXml("<a b=\"&amp;&lt;&gt;&quot;&apos;\"/>")["b"], "&<>\"'");
}

void ExpectRefused(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    EXPECT_THROW(ParseXml(text), std::runtime_error) << text;
  }
}

TEST(Xml, ElementsThatAreNotWellFormedAreRefused) {
  ExpectRefused({
      "",
      "a",
      "<a>",
      "<a",
      "</a>",
      "<a></b>",
      "<a></aa>",
      "<a><b></a></b>",
      "<a/><b/>",
      "<a/>text",
      "text<a/>",
      "<a b/>",
      "<a b=1/>",
      "<a b=\"1/>",
      "<a b=\"1\"c=\"2\"/>",
      "<a b=\"1\" b=\"2\"/>",
      "<a b=\"<\"/>",
  });
}

TEST(Xml, TextThatIsNotWellFormedIsRefused) {
  ExpectRefused({
      "<a>&</a>",
      "<a>&nbsp;</a>",
      "<a>&lt</a>",
      "<a>&#0;</a>",
      "<a>&#xd800;</a>",
      "<a>&#x110000;</a>",
      "<a>&#99999999999;</a>",
      "<a>&#;</a>",
      "<a>]]></a>",
      "<a><!-- -- --></a>",
      "<a><!-- </a>",
      "<1/>",
      "< a/>",
      "<a / >",
      " <?xml version=\"1.0\"?><a/>",
      "<!DOCTYPE a><a/>",
      "<a><![CDATA[ ]]></a>",
      "<a>\x01</a>",
      "<a>\xff</a>",
      std::string("<a>\0</a>", 8),
  });
}

TEST(Xml, ThereIsABottom) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "<a>";
  EXPECT_THROW(ParseXml(text), std::runtime_error);
}

}  // namespace
}  // namespace course
