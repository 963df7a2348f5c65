// SPDX-License-Identifier: Apache-2.0
// OctoMap behind a pipe: one request on stdin, one answer on stdout, so that a caller can measure it in turn with others.
//
// usage: octomap_driver VOXEL_SIZE_M MAX_RANGE_M DISCRETIZE(0|1)
// Requests begin with one byte; numbers are native, positions float64 metres:
//   'F' int32 height, width; float64 fx, fy, cx, cy; float64 T_world_cam[16], row-major; float32 depth[height * width]
//       -> wall and CPU milliseconds of insertPointCloud, making the points not counted
//   'Q' int32 n; float64 points[n * 3]   -> wall and CPU milliseconds of n searches, occupied, free
//   'R' int32 n; float64 origin[3]; float64 directions[n * 3]   -> wall and CPU milliseconds of n castRay calls, hits
//   'L' int32 n; float64 points[n * 3]   -> n, then n bytes: occupied 1, free 0, unknown 255
//   'M' -> bytes of memoryUsage(), nodes
// Answers are one line of numbers, and after those of 'L' the bytes.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include <octomap/OcTree.h>
#include <octomap/octomap.h>

namespace {

using Clock = std::chrono::steady_clock;

template <typename T>
bool read(T* values, std::size_t n) {
  return std::fread(values, sizeof(T), n, stdin) == n;
}

double cpu_milliseconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

class Stopwatch {
 public:
  void stop() {
    wall_ = std::chrono::duration<double, std::milli>(Clock::now() - began_).count();
    cpu_ += cpu_milliseconds();
  }
  double wall() const { return wall_; }
  double cpu() const { return cpu_; }

 private:
  double cpu_ = -cpu_milliseconds();
  double wall_ = 0;
  Clock::time_point began_ = Clock::now();
};

octomap::Pointcloud points_of(const std::vector<float>& depth, int width, const double* lens, const double* T) {
  octomap::Pointcloud cloud;
  cloud.reserve(depth.size());
  for (std::size_t i = 0; i < depth.size(); ++i) {
    const double z = depth[i];
    if (z <= 0) continue;
    const double x = (static_cast<int>(i) % width - lens[2]) / lens[0] * z;
    const double y = (static_cast<int>(i) / width - lens[3]) / lens[1] * z;
    cloud.push_back(T[0] * x + T[1] * y + T[2] * z + T[3], T[4] * x + T[5] * y + T[6] * z + T[7],
                    T[8] * x + T[9] * y + T[10] * z + T[11]);
  }
  return cloud;
}

bool insert(octomap::OcTree& tree, double max_range, bool discretize) {
  int32_t size[2];
  double lens[4], T[16];
  if (!read(size, 2) || !read(lens, 4) || !read(T, 16)) return false;
  std::vector<float> depth(static_cast<std::size_t>(size[0]) * size[1]);
  if (!read(depth.data(), depth.size())) return false;
  const octomap::Pointcloud cloud = points_of(depth, size[1], lens, T);
  Stopwatch watch;
  tree.insertPointCloud(cloud, octomap::point3d(T[3], T[7], T[11]), max_range, false, discretize);
  watch.stop();
  std::printf("%.6f %.6f\n", watch.wall(), watch.cpu());
  return true;
}

bool search(const octomap::OcTree& tree) {
  int32_t n;
  if (!read(&n, 1)) return false;
  std::vector<double> points(3 * static_cast<std::size_t>(n));
  if (!read(points.data(), points.size())) return false;
  long occupied = 0, free = 0;
  Stopwatch watch;
  for (std::size_t i = 0; i < points.size(); i += 3) {
    const auto* node = tree.search(points[i], points[i + 1], points[i + 2]);
    if (node) (tree.isNodeOccupied(node) ? occupied : free) += 1;
  }
  watch.stop();
  std::printf("%.6f %.6f %ld %ld\n", watch.wall(), watch.cpu(), occupied, free);
  return true;
}

bool label(const octomap::OcTree& tree) {
  int32_t n;
  if (!read(&n, 1)) return false;
  std::vector<double> points(3 * static_cast<std::size_t>(n));
  if (!read(points.data(), points.size())) return false;
  std::vector<unsigned char> labels(n, 255);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto* node = tree.search(points[3 * i], points[3 * i + 1], points[3 * i + 2]);
    if (node) labels[i] = tree.isNodeOccupied(node) ? 1 : 0;
  }
  std::printf("%d\n", n);
  return std::fwrite(labels.data(), 1, labels.size(), stdout) == labels.size();
}

bool cast(const octomap::OcTree& tree, double max_range) {
  int32_t n;
  double origin[3];
  if (!read(&n, 1) || !read(origin, 3)) return false;
  std::vector<double> directions(3 * static_cast<std::size_t>(n));
  if (!read(directions.data(), directions.size())) return false;
  const octomap::point3d from(origin[0], origin[1], origin[2]);
  octomap::point3d end;
  long hits = 0;
  Stopwatch watch;
  for (std::size_t i = 0; i < directions.size(); i += 3) {
    hits += tree.castRay(from, octomap::point3d(directions[i], directions[i + 1], directions[i + 2]), end, true, max_range);
  }
  watch.stop();
  std::printf("%.6f %.6f %ld\n", watch.wall(), watch.cpu(), hits);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s VOXEL_SIZE_M MAX_RANGE_M DISCRETIZE\n", argv[0]);
    return 2;
  }
  octomap::OcTree tree(std::atof(argv[1]));
  const double max_range = std::atof(argv[2]);
  const bool discretize = std::atoi(argv[3]) != 0;
  char request;
  bool good = true;
  while (good && read(&request, 1)) {
    switch (request) {
      case 'F': good = insert(tree, max_range, discretize); break;
      case 'Q': good = search(tree); break;
      case 'L': good = label(tree); break;
      case 'R': good = cast(tree, max_range); break;
      case 'M': std::printf("%zu %zu\n", tree.memoryUsage(), tree.size()); break;
      default: good = false;
    }
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}
