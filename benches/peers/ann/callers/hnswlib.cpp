// hnswlib as it is called from C++; see serve.h.

#include <memory>

#include "hnswlib.h"
#include "serve.h"

int main(int argc, char **argv) {
    const Asked asked = ::asked(argc, argv);
    std::unique_ptr<hnswlib::SpaceInterface<float>> space;
    if (asked.is_l2) {
        space = std::make_unique<hnswlib::L2Space>(asked.dim);
    } else {
        space = std::make_unique<hnswlib::InnerProductSpace>(asked.dim);
    }
    hnswlib::HierarchicalNSW<float> graph(space.get(), asked.count, asked.connections,
                                          asked.construction, 100);
    for (size_t row = 0; row < asked.count; row++) {
        graph.addPoint(asked.base.data() + row * asked.dim, row);
    }
    return serve(
        asked.dim, [&](size_t ef) { graph.setEf(ef); },
        [&](const float *query, size_t k) { return graph.searchKnn(query, k); },
        [](auto &found, auto say) {
            for (; !found.empty(); found.pop()) {
                say(found.top().second);
            }
        });
}
