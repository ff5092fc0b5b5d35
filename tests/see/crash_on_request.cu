// Loaded into lazarillo by LD_PRELOAD (tests/system/test_nvidia_card.py): a forked process loses the card, as
// in cuda_lost_test.cpp, when a file named as its process id appears in the folder LAZARILLO_TEST_CRASH.

#include <cuda_runtime_api.h>
#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

__global__ void crash() { asm("trap;"); }

void watch() {
  const char* folder = std::getenv("LAZARILLO_TEST_CRASH");
  if (folder == nullptr) return;
  const std::string request = std::string(folder) + "/" + std::to_string(::getpid());
  std::thread([request] {
    while (::access(request.c_str(), F_OK) != 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    crash<<<1, 1>>>();
    cudaDeviceSynchronize();
  }).detach();
}

__attribute__((constructor)) void begin() { pthread_atfork(nullptr, nullptr, watch); }

}  // namespace
