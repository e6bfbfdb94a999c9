#pragma once

const char *header_value(const char *line);
const char *trim(const char *text);
