#include "base/scrub.h"

#include <gtest/gtest.h>

namespace inquest {
namespace {

TEST(Scrub, NamesThatHoldSecretsAreKnown) {
  for (const char* name : {"PASSWORD", "DB_PASSWORD", "PGPASSWORD", "SMTP_PASS", "API_KEY",
                           "apiKey", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN",
                           "STRIPE_SECRET", "--token", "--api-key", "SENTRY_DSN", "BASIC_AUTH",
                           "SESSION_COOKIE", "dbPassword", "PRIVATE_KEY", "SSH_KEY_PASSPHRASE"}) {
    EXPECT_TRUE(is_secret_name(name)) << name;
  }
}

TEST(Scrub, NamesThatOnlyLookAlikeAreLeft) {
  for (const char* name : {"PWD", "OLDPWD", "KEYBOARD", "AUTHOR", "SSH_AUTH_SOCK", "XAUTHORITY",
                           "PASSENGERS", "MONKEY", "CACHE_KEY_PREFIX", "SORT_KEY", "PATH", ""}) {
    EXPECT_FALSE(is_secret_name(name)) << name;
  }
}

TEST(Scrub, SecretsAreKnownByTheirShape) {
  EXPECT_TRUE(is_secret_value("AKIAIOSFODNN7EXAMPLE"));
  EXPECT_TRUE(is_secret_value("ghp_0123456789abcdefghij0123456789abcdef"));
  EXPECT_TRUE(is_secret_value("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"));
  EXPECT_TRUE(is_secret_value("-----BEGIN RSA PRIVATE KEY-----\nMIIE"));
  EXPECT_FALSE(is_secret_value("eyJ"));
  EXPECT_FALSE(is_secret_value("/usr/share/AKIA-documents/of a shop"));
  EXPECT_FALSE(is_secret_value("-----BEGIN CERTIFICATE-----"));
}

TEST(Scrub, VariablesKeepTheirNames) {
  EXPECT_EQ(scrub_variable("DB_PASSWORD=hunter2"), "DB_PASSWORD=[scrubbed]");
  EXPECT_EQ(scrub_variable("COLOUR=green"), "COLOUR=green");
  EXPECT_EQ(scrub_variable("EMPTY_TOKEN="), "EMPTY_TOKEN=");
  EXPECT_EQ(scrub_variable("X=AKIAIOSFODNN7EXAMPLE"), "X=[scrubbed]");
  EXPECT_EQ(scrub_variable("no equals sign"), "no equals sign");
}

TEST(Scrub, PasswordsInUrlsAreReplacedAndTheRestIsLeft) {
  EXPECT_EQ(scrub_variable("DATABASE_URL=postgres://shop:hunter2@db:5432/shop?x=1"),
            "DATABASE_URL=postgres://shop:[scrubbed]@db:5432/shop?x=1");
  EXPECT_EQ(scrub_text("see https://example.com/a:b@c and http://u:p@h"),
            "see https://example.com/a:b@c and http://u:[scrubbed]@h");
  EXPECT_EQ(scrub_text("redis://:p@ss@cache/0"), "redis://:[scrubbed]@cache/0");
  EXPECT_EQ(scrub_text("://"), "://");
}

TEST(Scrub, WordsAfterSecretOptionsAreReplaced) {
  const std::vector<std::string> words = {"shop", "--token",      "abc",      "--port",
                                          "80",   "--password=x", "--secret", "--verbose"};
  const std::vector<std::string> expected = {"shop",     "--token",  "[scrubbed]",
                                             "--port",   "80",       "--password=[scrubbed]",
                                             "--secret", "--verbose"};
  EXPECT_EQ(scrub_words(words), expected);
}

TEST(Scrub, LinesOfALogLoseTokens) {
  EXPECT_EQ(scrub_text("login with token=ghp_0123456789abcdef0123 failed"),
            "login with token=[scrubbed] failed");
}

}  // namespace
}  // namespace inquest
