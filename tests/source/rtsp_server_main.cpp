// A network camera: rtsp_server PORT PIPELINE [USER PASSWORD]. Says "rtsp://... ready" and runs
// until its standard input ends. A line "drop" there breaks its connections.

#include <iostream>
#include <string>

#include "source/rtsp_server.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::cerr << "usage: rtsp_server PORT PIPELINE [USER PASSWORD]\n";
    return 2;
  }
  lazarillo::test::RtspServerOptions options;
  options.port = std::stoi(argv[1]);
  options.pipeline = argv[2];
  if (argc == 5) {
    options.user = argv[3];
    options.password = argv[4];
  }
  lazarillo::test::RtspServer server(options);
  std::cout << server.uri() << " ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "drop") server.drop_clients();
  }
  return 0;
}
