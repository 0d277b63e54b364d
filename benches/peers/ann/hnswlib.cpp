// hnswlib as it is called from C++: builds a graph, then answers queries one by one on one thread.
//
//   hnswlib DIM l2|ip BASE M EF_CONSTRUCTION
//
// BASE is a file of float32 rows. Says `ready` when the graph is built. Then each line on standard
// input, `EF K QUERIES` with the path of such a file, asks all queries once without timing and once
// with, and is answered by a line for each, `nanoseconds id id ...`, and by `end`.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "hnswlib.h"

static std::vector<float> rows(const std::string &path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) {
        std::cerr << "hnswlib: cannot read " << path << "\n";
        std::exit(2);
    }
    std::vector<float> rows(static_cast<size_t>(file.tellg()) / sizeof(float));
    file.seekg(0);
    file.read(reinterpret_cast<char *>(rows.data()), rows.size() * sizeof(float));
    return rows;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        std::cerr << "hnswlib: expected DIM l2|ip BASE M EF_CONSTRUCTION\n";
        return 2;
    }
    const size_t dim = std::stoul(argv[1]);
    std::unique_ptr<hnswlib::SpaceInterface<float>> space;
    if (std::string(argv[2]) == "l2") {
        space = std::make_unique<hnswlib::L2Space>(dim);
    } else {
        space = std::make_unique<hnswlib::InnerProductSpace>(dim);
    }
    const std::vector<float> base = rows(argv[3]);
    const size_t count = base.size() / dim;
    hnswlib::HierarchicalNSW<float> graph(space.get(), count, std::stoul(argv[4]),
                                          std::stoul(argv[5]), 100);
    for (size_t row = 0; row < count; row++) {
        graph.addPoint(base.data() + row * dim, row);
    }
    std::cout << "ready" << std::endl;

    size_t ef, k;
    std::string path;
    while (std::cin >> ef >> k >> path) {
        const std::vector<float> queries = rows(path);
        graph.setEf(ef);
        std::string answer;
        for (bool is_timed : {false, true}) {
            for (size_t at = 0; at + dim <= queries.size(); at += dim) {
                const auto begin = std::chrono::steady_clock::now();
                auto found = graph.searchKnn(queries.data() + at, k);
                const auto end = std::chrono::steady_clock::now();
                if (!is_timed) {
                    continue;
                }
                const std::chrono::nanoseconds spent = end - begin;
                answer += std::to_string(spent.count());
                for (; !found.empty(); found.pop()) {
                    answer += ' ' + std::to_string(found.top().second);
                }
                answer += '\n';
            }
        }
        std::cout << answer << "end" << std::endl;
    }
    return 0;
}
