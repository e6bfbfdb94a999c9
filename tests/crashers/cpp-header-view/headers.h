#pragma once
#include <string>
#include <string_view>
#include <vector>

struct Header {
  std::string_view name, value;
};

std::vector<Header> parse_headers(const char* wire, unsigned long length);
bool matches(const Header& header, char first);
