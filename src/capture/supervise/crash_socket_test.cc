#include "capture/supervise/crash_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

namespace inquest::capture {
namespace {

using Packet = std::array<unsigned char, sizeof(inquest_crash_request) + 64>;

inquest_crash_request a_request() {
  inquest_crash_request request = {};
  request.magic = INQUEST_WIRE_MAGIC;
  request.version = INQUEST_WIRE_VERSION;
  request.size = sizeof request;
  request.tid = ::gettid();
  request.signal_number = SIGSEGV;
  request.ucontext = 0x1111;
  request.siginfo = 0x2222;
  request.annotations = 0x3333;
  request.annotations_size = 44;
  request.connection_fd = 9;
  request.record_file_fd = 501;
  request.record_directory_fd = 500;
  return request;
}

// What the supervisor makes of the first `size` bytes of the request, sent by this process.
std::optional<CrashRequest> received(const inquest_crash_request& request, size_t size) {
  Packet packet = {};
  std::memcpy(packet.data(), &request, sizeof request);
  const auto supervisor = CrashSocket::create();
  if (!supervisor.ok()) return std::nullopt;
  const os::Fd client(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string& name = (*supervisor)->address();
  std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);  // the abstract namespace
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::send(client.get(), packet.data(), size, 0), static_cast<ssize_t>(size));
  (*supervisor)->ready((*supervisor)->descriptors().front());
  return (*supervisor)->ready((*supervisor)->descriptors().back());
}

TEST(CrashSocket, ReadsWhatTheHandlerSays) {
  const auto request = received(a_request(), sizeof(inquest_crash_request));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->pid, ::getpid());
  EXPECT_EQ(request->tid, ::gettid());
  EXPECT_EQ(request->signal, SIGSEGV);
  EXPECT_EQ(request->context.ucontext, Address(0x1111));
  EXPECT_EQ(request->context.siginfo, Address(0x2222));
  EXPECT_EQ(request->context.annotations, Address(0x3333));
  EXPECT_EQ(request->context.annotations_size, 44U);
  EXPECT_EQ(request->needed_descriptors, (std::vector<int>{9, 500, 501}));
}

TEST(CrashSocket, AnOlderHandlerNamesNoDescriptors) {
  inquest_crash_request first = a_request();
  first.size = INQUEST_REQUEST_LEAST_BYTES;
  const auto request = received(first, INQUEST_REQUEST_LEAST_BYTES);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->context.annotations_size, 44U);
  EXPECT_TRUE(request->needed_descriptors.empty());
}

TEST(CrashSocket, ANewerHandlerSaysMore) {
  inquest_crash_request longer = a_request();
  longer.size = sizeof(Packet);
  const auto request = received(longer, sizeof(Packet));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->needed_descriptors, (std::vector<int>{9, 500, 501}));
}

TEST(CrashSocket, OnlyDescriptorsThatAreThereAreNeeded) {
  inquest_crash_request without_record = a_request();
  without_record.record_file_fd = without_record.record_directory_fd = -1;
  EXPECT_EQ(received(without_record, sizeof without_record)->needed_descriptors,
            std::vector<int>{9});
  // Without the one that it waits on, the others are no help.
  inquest_crash_request without_connection = a_request();
  without_connection.connection_fd = -1;
  EXPECT_TRUE(received(without_connection, sizeof without_connection)->needed_descriptors.empty());
}

TEST(CrashSocket, WhatMakesNoSenseIsNotTaken) {
  EXPECT_FALSE(received(a_request(), INQUEST_REQUEST_LEAST_BYTES - 1));
  inquest_crash_request other_version = a_request();
  other_version.version = INQUEST_WIRE_VERSION + 1;
  EXPECT_FALSE(received(other_version, sizeof other_version));
  inquest_crash_request no_signal = a_request();
  no_signal.signal_number = 65;
  EXPECT_FALSE(received(no_signal, sizeof no_signal));
  inquest_crash_request no_thread = a_request();
  no_thread.tid = 0;
  EXPECT_FALSE(received(no_thread, sizeof no_thread));
}

}  // namespace
}  // namespace inquest::capture
