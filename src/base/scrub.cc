#include "base/scrub.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace inquest {
namespace {

// As words of a name: between letters of other words they do not count ("KEYBOARD", "AUTHOR").
constexpr std::array<std::string_view, 14> kSecretWords = {
    "password", "passwd",     "passphrase",  "pwd",    "pass", "secret", "secrets",
    "token",    "credential", "credentials", "apikey", "auth", "cookie", "dsn"};
// These hold a secret only together with what stands before them: "API_KEY", "ACCESS_KEY_ID".
constexpr std::array<std::string_view, 8> kKindsOfKey = {
    "api", "access", "private", "secret", "master", "signing", "encryption", "account"};
constexpr std::array<std::string_view, 4> kNotSecret = {"pwd", "oldpwd", "ssh_auth_sock",
                                                        "xauthority"};
constexpr std::array<std::string_view, 13> kSecretStarts = {
    "AKIA",  "ASIA",  "ghp_",     "gho_",     "ghs_", "github_pat_", "glpat-",
    "xoxb-", "xoxp-", "sk_live_", "rk_live_", "AIza", "-----BEGIN"};
constexpr size_t kLeastSecret = 16;  // characters: shorter ones are words

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// The words of "DB_PASSWORD", "--api-key", "dbPassword".
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  char before = '_';
  for (const char c : name) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalnum(letter) == 0) {
      words.emplace_back();
    } else {
      const bool hump =
          std::isupper(letter) != 0 && std::islower(static_cast<unsigned char>(before)) != 0;
      if (hump) words.emplace_back();
      words.back() += static_cast<char>(std::tolower(letter));
    }
    before = c;
  }
  std::erase(words, "");
  return words;
}

bool is_token_character(char c) {
  const auto letter = static_cast<unsigned char>(c);
  return std::isalnum(letter) != 0 || c == '-' || c == '_' || c == '.' || c == '+' || c == '/' ||
         c == '=';
}

// "scheme://user:password@host" → "scheme://user:[scrubbed]@host"
std::string scrub_urls(std::string_view text) {
  std::string result;
  size_t at = 0;
  while (true) {
    const size_t start = text.find("://", at);
    if (start == std::string_view::npos) break;
    const size_t authority = start + 3;
    const size_t end = std::min(text.find_first_of("/ \t\"'?#\n", authority), text.size());
    const std::string_view host = text.substr(authority, end - authority);
    const size_t user_end = host.rfind('@');
    const size_t colon = host.find(':');
    result += text.substr(at, authority - at);
    if (user_end != std::string_view::npos && colon < user_end) {
      result += host.substr(0, colon + 1);
      result += kScrubbed;
      result += host.substr(user_end);
    } else {
      result += host;
    }
    at = end;
  }
  result += text.substr(at);
  return result;
}

}  // namespace

bool is_secret_name(std::string_view name) {
  while (name.starts_with('-')) name.remove_prefix(1);
  if (contains(kNotSecret, lower(name))) return false;
  const std::vector<std::string> words = words_of(name);
  for (size_t i = 0; i < words.size(); ++i) {
    if (contains(kSecretWords, words[i])) return true;
    const bool is_key = words[i] == "key" || words[i] == "keys";
    if (is_key && i > 0 && contains(kKindsOfKey, words[i - 1])) return true;
    // "PGPASSWORD", "accesskey": without a sign between the words.
    for (const std::string_view ending : {"password", "passwd", "secret", "token", "apikey",
                                          "accesskey", "secretkey", "privatekey"}) {
      if (words[i].ends_with(ending)) return true;
    }
  }
  return false;
}

bool is_secret_value(std::string_view value) {
  if (value.size() < kLeastSecret) return false;
  if (value.starts_with("-----BEGIN") && value.find("PRIVATE KEY") != std::string_view::npos)
    return true;
  if (!std::all_of(value.begin(), value.end(), is_token_character)) return false;
  // A JSON Web Token: three parts in base64, the first of them an object.
  if (value.starts_with("eyJ") && std::count(value.begin(), value.end(), '.') == 2) return true;
  return std::any_of(kSecretStarts.begin(), kSecretStarts.end(),
                     [&](std::string_view start) { return value.starts_with(start); });
}

std::string scrub_text(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    // A name before "=" is not part of the secret.
    while (end < text.size() && is_token_character(text[end]) && text[end] != '=') ++end;
    const std::string_view word = text.substr(at, end - at);
    result += is_secret_value(word) ? kScrubbed : word;
    if (end < text.size()) result += text[end];
    at = end + 1;
  }
  // Afterwards: what was replaced may have hidden the end of a password.
  return scrub_urls(result);
}

std::string scrub_variable(std::string_view entry) {
  const size_t equals = entry.find('=');
  if (equals == std::string_view::npos) return scrub_text(entry);
  const std::string_view name = entry.substr(0, equals), value = entry.substr(equals + 1);
  const bool secret = !value.empty() && (is_secret_name(name) || is_secret_value(value));
  return std::string(name) + "=" + (secret ? std::string(kScrubbed) : scrub_text(value));
}

std::vector<std::string> scrub_words(const std::vector<std::string>& words) {
  std::vector<std::string> result;
  bool next_is_secret = false;
  for (const std::string& word : words) {
    const bool is_option = word.starts_with("-");
    if (next_is_secret && !is_option) {
      result.emplace_back(kScrubbed);
    } else if (word.find('=') != std::string::npos) {
      result.push_back(scrub_variable(word));
    } else {
      result.push_back(is_secret_value(word) ? std::string(kScrubbed) : scrub_text(word));
    }
    next_is_secret = is_option && word.find('=') == std::string::npos && is_secret_name(word);
  }
  return result;
}

}  // namespace inquest
