#include <immintrin.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

struct Batch {
  uint64_t count;
  double values[];
};

class BatchKernel {
 public:
  double sum(const Batch& batch) const;
  double run(const std::vector<const Batch*>& batches) const {
    double total = 0;
    for (const Batch* batch : batches) total += sum(*batch);
    return total;
  }
};

__attribute__((noinline)) double BatchKernel::sum(const Batch& batch) const {
  const auto* lanes = reinterpret_cast<const __m256d*>(batch.values);
  __m256d total = _mm256_setzero_pd();
  for (uint64_t i = 0; i < batch.count / 4; i++) {
    __m256d value = lanes[i];                                   // CRASH
    total = _mm256_add_pd(total, _mm256_mul_pd(value, value));  // CRASH-ALSO
  }
  double parts[4];
  _mm256_storeu_pd(parts, total);
  return parts[0] + parts[1] + parts[2] + parts[3];
}

static Batch* make_batch(uint64_t count) {
  size_t bytes = sizeof(Batch) + count * sizeof(double);
  auto* batch = static_cast<Batch*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  batch->count = count;
  for (uint64_t i = 0; i < count; i++) batch->values[i] = 0.25 * static_cast<double>(i);
  return batch;
}

int main() {
  BatchKernel kernel;
  std::printf("%f\n", kernel.run({make_batch(2), make_batch(16)}));
}
