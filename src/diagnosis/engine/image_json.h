// The image and its stacks as JSON, for --dump=image and --dump=stacks: what the golden tests
// compare.
#pragma once

#include <string>

#include "diagnosis/facts/facts.h"
#include "process/image/process_image.h"

namespace inquest::diagnosis {

std::string image_json(const process::ProcessImage& image);
// The stacks of all threads, the crashing one first.
std::string stacks_json(const Facts& facts);

}  // namespace inquest::diagnosis
