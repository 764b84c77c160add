// SPDX-License-Identifier: BSL-1.0
// Answers of the services that give out keys, and what is made of them.
#include "../support/catch.hpp"

#include <kedge/aws/detail/key_answer.hpp>
#include <kedge/aws/detail/xml_fields.hpp>

#include <chrono>
#include <string>
#include <utility>

using namespace kedge;
using namespace kedge::aws::detail;

namespace {

/// "id/key/token until seconds", or why there are none.
std::string made_of(const found_keys& what) {
    if (!what.keys) return what.reason;
    const auto end = std::chrono::duration_cast<std::chrono::seconds>(what.expires->time_since_epoch());
    return what.keys->access_key_id() + "/" + what.keys->secret_access_key().reveal() + "/" +
           what.keys->session_token().reveal() + " until " + std::to_string(end.count());
}

std::string json(std::string body, int status = 200) { return made_of(keys_in_json({status, {}, std::move(body)})); }
std::string xml(std::string body, int status = 200) { return made_of(keys_in_xml({status, {}, std::move(body)})); }

const std::string good_xml =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Audience>sts.amazonaws.com</Audience><Provider/>
    <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <SecretAccessKey>k/+=&amp;&lt;</SecretAccessKey><SessionToken>t</SessionToken>
      <Expiration>1970-01-01T00:01:00Z</Expiration><AccessKeyId>ASIA1</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>1-2</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>
)";

std::string with(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    REQUIRE(at != text.npos);
    return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("times of answers are read strictly", "[aws][credentials]") {
    const std::pair<const char*, long> good[] = {
        {"1970-01-01T00:00:00Z", 0},          {"2026-11-26T18:00:01Z", 1795716001}, {"2024-02-29T23:59:59.999Z", 1709251199},
        {"2016-12-31T23:59:60Z", 1483228800}, {"2200-12-31T00:00:00Z", 7289568000},
    };
    for (const auto& [text, seconds] : good) {
        CAPTURE(text);
        const auto read = parse_utc(text);
        REQUIRE(read);
        CHECK(*read == http::wall_time(std::chrono::seconds(seconds)));
    }
    for (const char* bad :
         {"", "Z", "2026-11-26T18:00:01", "2026-11-26 18:00:01Z", "2026-11-26T18:00:01+00:00", "2026-02-29T00:00:00Z",
          "2026-13-01T00:00:00Z", "2026-11-26T24:00:00Z", "2026-11-26T18:60:00Z", "2026-11-26T18:00:61Z",
          "2026-11-26T18:00:01.Z", "2026-11-26T18:00:01.5", "2026-11-26T18:00:01.xZ", "1969-12-31T23:59:59Z",
          "2201-01-01T00:00:00Z", "20261-11-26T18:00:01Z", "2026-11-26T18:00:0-Z", "1795716001"})
        CHECK(!parse_utc(bad));
}

TEST_CASE("JSON with keys is complete, or it has none", "[aws][credentials]") {
    const std::string rest = R"("SecretAccessKey":"k\/+=","Token":"t","Expiration":"1970-01-01T00:01:00Z"})";
    CHECK(json(R"({"AccessKeyId":"ASIA1",)" + rest) == "ASIA1/k/+=/t until 60");
    CHECK(json(R"({"Code":"Success","Type":"AWS-HMAC","LastUpdated":"x","AccountId":null,"AccessKeyId":"ASIA1",)" + rest) ==
          "ASIA1/k/+=/t until 60");
    const std::pair<std::string, std::string> rows[] = {
        {"{" + rest, "the answer has no AccessKeyId"},
        {R"({"AccessKeyId":"",)" + rest, "the answer has no AccessKeyId"},
        {R"({"AccessKeyId":"A","SecretAccessKey":"k","Expiration":"1970-01-01T00:01:00Z"})", "the answer has no Token"},
        {R"({"AccessKeyId":"A","Token":"t","Expiration":"1970-01-01T00:01:00Z"})", "the answer has no SecretAccessKey"},
        {R"({"AccessKeyId":"A","SecretAccessKey":"k","Token":"t","Expiration":"soon"})",
         "the answer has no Expiration in the form 2026-11-26T18:00:00Z"},
        {R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"hush",)" + rest, "the answer is AssumeRoleUnauthorizedAccess"},
        {R"({"AccessKeyId":"A","AccessKeyId":"B",)" + rest, "the answer is no JSON object"},
        {R"([{"AccessKeyId":"A"}])", "the answer is no JSON object"},
        {"<html>", "the answer is no JSON object"},
        {"", "the answer is no JSON object"},
        {R"({"AccessKeyId":"hu sh",)" + rest,
         "kedge::aws: the access key id has a space, a line end or another character that it may not have; accepted: visible "
         "ASCII"},
        {R"({"AccessKeyId":"A","SecretAccessKey":"k","Token":"t\r\nX: y","Expiration":"1970-01-01T00:01:00Z"})",
         "kedge::aws: the session token has a space, a line end or another character that it may not have; accepted: visible "
         "ASCII"},
    };
    for (const auto& [body, reason] : rows) CHECK(json(body) == reason);
    CHECK(json(R"({"AccessKeyId":"ASIA1",)" + rest, 302) == "the answer is 302");
    CHECK(json(R"({"code":"AccessDenied","message":"hush"})", 400) == "the answer is 400 AccessDenied");
    CHECK(json("{\"code\":\"a\\nb\"}", 500) == "the answer is 500");
    CHECK(json("hush", 503) == "the answer is 503");
}

TEST_CASE("XML with keys is complete, or it has none", "[aws][credentials]") {
    CHECK(xml(good_xml) == "ASIA1/k/+=&</t until 60");
    const std::pair<std::string, std::string> rows[] = {
        {with(good_xml, "<AccessKeyId>ASIA1</AccessKeyId>", ""), "the answer has no AccessKeyId"},
        {with(good_xml, "<SessionToken>t</SessionToken>", "<SessionToken/>"), "the answer has no SessionToken"},
        {with(with(good_xml, "<Credentials>", "<Other>"), "</Credentials>", "</Other>"), "the answer has no AccessKeyId"},
        {with(good_xml, "<SessionToken>t", "<SessionToken>t<b/>"), "the answer is no XML document"},
        {with(good_xml, "</AccessKeyId>", "</AccessKeyId><AccessKeyId>B</AccessKeyId>"), "the answer is no XML document"},
        {with(good_xml, "ASIA1", "&#65;"), "the answer is no XML document"},
        {with(good_xml, "ASIA1", "&e;"), "the answer is no XML document"},
        {with(good_xml, "ASIA1", "<![CDATA[A]]>"), "the answer is no XML document"},
        {with(good_xml, "<Provider/>", "<!-- c -->"), "the answer is no XML document"},
        {with(good_xml, "<AssumeRole", "<!DOCTYPE a [<!ENTITY e SYSTEM \"/etc/passwd\">]><AssumeRole"),
         "the answer is no XML document"},
        {good_xml + "<a/>", "the answer is no XML document"},
        {good_xml + "x", "the answer is no XML document"},
        {"x" + good_xml, "the answer is no XML document"},
    };
    for (const auto& [body, reason] : rows) CHECK(xml(body) == reason);
    for (std::size_t size = 0; size + 2 < good_xml.size(); ++size)
        CHECK(xml(good_xml.substr(0, size)) == "the answer is no XML document");
    const std::string refusal =
        "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException</Code><Message>hush</Message>"
        "</Error><RequestId>1</RequestId></ErrorResponse>";
    CHECK(xml(refusal, 400) == "the answer is 400 ExpiredTokenException");
    CHECK(xml("hush", 400) == "the answer is 400");
    CHECK(xml(refusal) == "the answer has no AccessKeyId");
}

TEST_CASE("XML is read into paths", "[aws][credentials]") {
    const auto all = xml_fields::read("<a x='1' y=\"&lt;\" ><b> 1 &gt; </b>\n<c:d-1/><e  ></e ></a>\n");
    REQUIRE(all);
    CHECK(*all == xml_fields::fields{{"a.b", " 1 > "}, {"a.c:d-1", ""}, {"a.e", ""}});
    std::string deep, end;
    for (int i = 0; i < 17; ++i) deep += "<a>", end += "</a>";
    CHECK(xml_fields::read(deep + end));
    CHECK(!xml_fields::read("<a>" + deep + end + "</a>"));
    const std::string name(512, 'n');
    CHECK(xml_fields::read("<" + name + "/>"));
    CHECK(!xml_fields::read("<" + name + "><a/></" + name + ">"));  // would stand before each element in it
    for (const char* bad :
         {"", "a", "<a", "<a>", "<a></b>", "<a x></a>", "<a x=1></a>", "<a x='<'></a>", "<a x='1'y='2'></a>", "<1/>",
          "<a>\x01</a>", "<a>&</a>", "<a>&amp</a>", "< a></a>", "<a></a><b></b>", "<?xml", "<a>x<b/></a>", "<a><b/>x</a>"}) {
        CAPTURE(bad);
        CHECK(!xml_fields::read(bad));
    }
}
