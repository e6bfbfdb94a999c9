// The threads that CPython knows, and which of the process's they are.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "process/image/process_image.h"
#include "process/runtime/cpython/objects.h"

namespace inquest::process::cpython {

inline constexpr size_t kMaxInterpreters = 1024;
inline constexpr size_t kMaxThreads = 100'000;

// Finds the thread of the process that a PyThreadState is of.
class NativeThreads {
 public:
  explicit NativeThreads(const ProcessImage& image);
  // Its index in ProcessImage::threads.
  std::optional<size_t> find(const Objects& objects, Address state) const;

 private:
  std::unordered_map<uint64_t, size_t> by_self_, by_number_;
};

struct ThreadState {
  Address address;      // of the PyThreadState
  Address interpreter;  // of its PyInterpreterState
  size_t thread = 0;    // index into ProcessImage::threads
};

struct ThreadStates {
  std::vector<Address> interpreters;
  std::vector<ThreadState> states;  // in the order of CPython's list
  size_t strangers = 0;             // that belong to no thread of the process
  std::vector<std::string> notes;   // why lists end before their end
};

ThreadStates read_threads(const Objects& objects, Address interpreters,
                          const NativeThreads& natives);

// Does a PyInterpreterState lie at `address`? Its first thread must be its own, and one of the
// process's.
bool is_interpreter_of(const Objects& objects, Address address, const NativeThreads& natives);

}  // namespace inquest::process::cpython
