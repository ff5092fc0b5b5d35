#include "fetch/http_reply.h"

#include <gtest/gtest.h>

namespace lazarillo {
namespace {

HttpReply read(const std::string& head) {
  HttpReply reply;
  for (std::size_t from = 0; from < head.size();) {
    const std::size_t end = head.find('\n', from) + 1;
    reply.read_line(std::string_view(head).substr(from, end - from));
    from = end;
  }
  return reply;
}

TEST(HttpReply, ReadsWhatARangeIsAbout) {
  const HttpReply reply = read(
      "HTTP/1.1 206 Partial Content\r\nCONTENT-RANGE:  bytes 100-199/200 \r\n"
      "content-length: 100\r\nETag: \"a:b\"\r\n\r\n");
  EXPECT_EQ(reply.status, 206);
  EXPECT_EQ(reply.first, 100U);
  EXPECT_EQ(reply.total(), 200U) << "of the whole, not of the part";
  EXPECT_EQ(reply.validator(), "\"a:b\"");
}

TEST(HttpReply, TheLastAnswerCounts) {
  const HttpReply reply = read(
      "HTTP/1.1 302 Found\r\nETag: \"of the redirect\"\r\nContent-Length: 7\r\n\r\n"
      "HTTP/2 200\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.etag, "");
  EXPECT_EQ(reply.total(), std::nullopt);
  EXPECT_EQ(reply.validator(), "Mon, 01 Jan 2024 00:00:00 GMT");
}

TEST(HttpReply, AWeakTagDoesNotTellThatBytesAreTheSame) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\nETag: W/\"a\"\n").validator(), "");
  EXPECT_EQ(read("HTTP/1.1 200 OK\nETag: W/\"a\"\nLast-Modified: d\n").validator(), "d");
}

TEST(HttpReply, NonsenseIsNotANumber) {
  const HttpReply reply = read(
      "HTTP/1.1 2x0 OK\nContent-Length: 12 bytes\nContent-Range: bytes -5-9/*\nContent-Range\n");
  EXPECT_EQ(reply.status, 0);
  EXPECT_EQ(reply.length, std::nullopt);
  EXPECT_EQ(reply.first, std::nullopt);
  EXPECT_EQ(reply.whole, std::nullopt);
  EXPECT_EQ(read("HTTP/1.1 416 x\nContent-Range: bytes */77\n").whole, 77U);
}

}  // namespace
}  // namespace lazarillo
