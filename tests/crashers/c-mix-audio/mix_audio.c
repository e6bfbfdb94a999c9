#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packet {
  uint16_t length;
  uint16_t channel;
  uint8_t payload[508];
};

struct mixer {
  float bus[128];
  float gain;
};

static struct packet* packet_receive(uint16_t channel) {
  struct packet* packet = aligned_alloc(64, sizeof *packet);
  if (packet == NULL) exit(1);
  packet->length = 256;
  packet->channel = channel;
  memset(packet->payload, 0, sizeof packet->payload);
  return packet;
}

__attribute__((noinline)) static void mix_block(float* bus, const float* input, float gain,
                                                int count) {
  __m128 scale = _mm_set1_ps(gain);
  for (int i = 0; i < count; i += 4) {
    __m128 samples = _mm_load_ps(input + i);                                       // CRASH
    __m128 mixed = _mm_add_ps(_mm_loadu_ps(bus + i), _mm_mul_ps(samples, scale));  // CRASH-ALSO
    _mm_storeu_ps(bus + i, mixed);
  }
}

static void mixer_packet(struct mixer* mixer, const struct packet* packet) {
  mix_block(mixer->bus, (const float*)packet->payload, mixer->gain, packet->length / 4);
}

int main(void) {
  struct mixer* mixer = calloc(1, sizeof *mixer);
  if (mixer == NULL) return 1;
  mixer->gain = 0.5f;
  for (uint16_t channel = 0; channel < 2; channel++) mixer_packet(mixer, packet_receive(channel));
  printf("%f\n", (double)mixer->bus[0]);
  return 0;
}
