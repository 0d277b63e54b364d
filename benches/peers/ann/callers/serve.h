// What the programs here that call an index of C++ have in common: they build a graph, then answer
// queries one by one on one thread.
//
//   PROGRAM DIM l2|ip BASE CONNECTIONS CONSTRUCTION
//
// BASE is a file of float32 rows; CONSTRUCTION is how far the graph is followed when a row is
// added. Says `ready` when the graph is built. Then each line on standard input, `EF K QUERIES`
// with the path of such a file, asks all queries once without timing and once with, and is answered
// by a line for each, `nanoseconds id id ...`, and by `end`.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

// The command line.
struct Asked {
    size_t dim;
    bool is_l2;
    std::vector<float> base;
    size_t count;
    size_t connections;
    size_t construction;
};

inline std::vector<float> rows(const std::string &path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) {
        std::cerr << "cannot read " << path << "\n";
        std::exit(2);
    }
    std::vector<float> rows(static_cast<size_t>(file.tellg()) / sizeof(float));
    file.seekg(0);
    file.read(reinterpret_cast<char *>(rows.data()), rows.size() * sizeof(float));
    return rows;
}

inline Asked asked(int argc, char **argv) {
    if (argc != 6) {
        std::cerr << "expected DIM l2|ip BASE CONNECTIONS CONSTRUCTION\n";
        std::exit(2);
    }
    const size_t dim = std::stoul(argv[1]);
    std::vector<float> base = rows(argv[3]);
    const size_t count = base.size() / dim;
    return {dim,   std::string(argv[2]) == "l2", std::move(base),
            count, std::stoul(argv[4]),          std::stoul(argv[5])};
}

// Answers what comes in. `set(ef)` is called before each turn; `find(query, k)` is what is timed,
// and `each(found, say)` tells the ids of what that found.
template <typename Set, typename Find, typename Each>
int serve(size_t dim, Set set, Find find, Each each) {
    std::cout << "ready" << std::endl;
    size_t ef, k;
    std::string path;
    while (std::cin >> ef >> k >> path) {
        const std::vector<float> queries = rows(path);
        set(ef);
        std::string answer;
        for (bool is_timed : {false, true}) {
            for (size_t at = 0; at + dim <= queries.size(); at += dim) {
                const auto begin = std::chrono::steady_clock::now();
                auto found = find(queries.data() + at, k);
                const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - begin;
                if (!is_timed) {
                    continue;
                }
                answer += std::to_string(spent.count());
                each(found, [&](size_t id) { answer += ' ' + std::to_string(id); });
                answer += '\n';
            }
        }
        std::cout << answer << "end" << std::endl;
    }
    return 0;
}
