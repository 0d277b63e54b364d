// SVS as it is called from C++, a Vamana graph of f32 lanes; see serve.h.

#include "serve.h"
#include "svs/orchestrators/vamana.h"

// Its package has the headers, not the objects that hold these.
namespace svs::distance {
template struct L2Impl<Dynamic, float, float, AVX_AVAILABILITY::AVX512>;
template struct L2Impl<Dynamic, float, float, AVX_AVAILABILITY::AVX2>;
template struct IPImpl<Dynamic, float, float, AVX_AVAILABILITY::AVX512>;
template struct IPImpl<Dynamic, float, float, AVX_AVAILABILITY::AVX2>;
} // namespace svs::distance

// How much longer than a connection a way around it may be for it to be left out: as its
// documentation has it, above 1 for distances and below for similarities.
static const float FOR_DISTANCES = 1.2f, FOR_SIMILARITIES = 0.95f;
// Candidates of a node's connections.
static const size_t CANDIDATES = 750;

template <typename Distance>
static int built(const Asked &asked, Distance distance, float alpha) {
    svs::data::SimpleData<float> data(asked.count, asked.dim);
    for (size_t row = 0; row < asked.count; row++) {
        const float *lanes = asked.base.data() + row * asked.dim;
        data.set_datum(row, std::span<const float>(lanes, asked.dim));
    }
    const svs::index::vamana::VamanaBuildParameters parameters{
        alpha, asked.connections, asked.construction, CANDIDATES, asked.connections - 4, true};
    auto index = svs::Vamana::build<float>(parameters, std::move(data), distance, 1);
    return serve(
        asked.dim, [&](size_t ef) { index.set_search_window_size(ef); },
        [&](const float *query, size_t k) {
            svs::QueryResult<size_t> found(1, k);
            const svs::data::ConstSimpleDataView<float> queries(query, 1, asked.dim);
            index.search(found.view(), queries, index.get_search_parameters());
            return found;
        },
        [](auto &found, auto say) {
            for (size_t at = 0; at < found.n_neighbors(); at++) {
                say(found.index(0, at));
            }
        });
}

int main(int argc, char **argv) {
    const Asked asked = ::asked(argc, argv);
    if (asked.is_l2) {
        return built(asked, svs::DistanceL2(), FOR_DISTANCES);
    }
    return built(asked, svs::DistanceIP(), FOR_SIMILARITIES);
}
