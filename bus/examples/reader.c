/* Prints the records of a ring by FORMAT.md alone: cc -std=c11 -o reader reader.c
 * R1 to R4 are the rows of src/slot.rs; a record that is overwritten meanwhile is left out. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static uint64_t number(const void *at, unsigned bytes) { /* little endian, as this machine is */
    uint64_t value = 0;
    return memcpy(&value, at, bytes), value;
}
static int fail(const char *what) { return fprintf(stderr, "reader: %s\n", what), 1; }

static void print_field(const char *field, const char *record, uint64_t record_bytes) {
    static const unsigned SIZE[12] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1}; /* by type code */
    uint64_t at = number(field + 48, 4), count = number(field + 52, 4);
    unsigned type = (uint8_t)field[56], size = SIZE[type < 12 ? type : 0], unused = 64 - 8 * size;
    if (field[0] == '_' || size == 0 || at + count * size > record_bytes) return;
    printf(" %.40s=", field);
    if (type == 11) { printf("%.*s", (int)count, record + at); return; }
    for (uint64_t i = 0; i < count; i++) {
        union { uint64_t bits; float f32; double f64; } value = {number(record + at, size)};
        at += size;
        if (i > 0) putchar(',');
        if (field[58] && value.bits == number(field + 40, 8)) putchar('-');
        else if (type == 9 || type == 10) printf("%g", type == 9 ? value.f32 : value.f64);
        else if (type >= 5) printf("%" PRId64, (int64_t)(value.bits << unused) >> unused);
        else printf("%" PRIu64, value.bits);
    }
}
int main(int argc, char **argv) {
    struct stat file;
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0 || fstat(fd, &file) || file.st_size < 4096) return fail("usage: reader FILE.ring");
    const char *segment = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (segment == MAP_FAILED || memcmp(segment, "TICKRING", 8)) return fail("not a segment");
    printf("layout %" PRIu64 ".%" PRIu64 "\n", number(segment + 8, 4), number(segment + 12, 4));
    if (number(segment + 8, 4) != 2) return fail("not layout version 2, which this program reads");
    uint64_t size = (uint64_t)file.st_size, table_at = number(segment + 72, 8);
    uint64_t table_bytes = number(segment + 80, 8), capacity = number(segment + 96, 8);
    uint64_t stride = number(segment + 104, 8), slots_at = number(segment + 112, 8), next = 0;
    if (table_at >= size || table_bytes < 32 || table_bytes > size - table_at || slots_at >= size ||
        stride < 64 || stride > 4096 * 8 || stride % 8 || capacity == 0 ||
        capacity & (capacity - 1) || capacity > (size - slots_at) / stride) return fail("damaged");
    const char *kinds = segment + table_at + 32, *fields = kinds + 64 * number(kinds - 20, 4);
    if (fields + 160 * number(kinds - 16, 4) != kinds - 32 + table_bytes) return fail("bad schema");
    const _Atomic uint64_t *slots = (const _Atomic uint64_t *)(segment + slots_at), *slot = slots;
    for (uint64_t i = 0; i < capacity; i++, slot += stride / 8) { /* the highest whole stamp */
        uint64_t stamp = atomic_load_explicit(slot, memory_order_relaxed);
        if (stamp % 2 == 0 && stamp / 2 > next) next = stamp / 2;
    }
    for (uint64_t seq = next > capacity ? next - capacity : 0; seq < next; seq++) {
        uint64_t copy[4096], stamp = 2 * seq + 2;
        slot = slots + (seq & (capacity - 1)) * (stride / 8);
        if (atomic_load_explicit(slot, memory_order_relaxed) != stamp) continue; /* R1 */
        atomic_thread_fence(memory_order_acquire);
        for (uint64_t word = 1; word < stride / 8; word++) /* R2 */
            copy[word] = atomic_load_explicit(slot + word, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire); /* R3 */
        if (atomic_load_explicit(slot, memory_order_relaxed) != stamp) continue; /* R4 */
        const char *record = (const char *)(copy + 1), *field = fields;
        for (const char *kind = kinds; kind < fields; kind += 64) {
            const char *end = field + 160 * number(kind + 44, 4);
            int is_it = kind[48] == record[1] && end <= kinds - 32 + table_bytes;
            if (is_it) printf("%" PRIu64 " %.40s", seq, kind);
            for (; is_it && field < end; field += 160) print_field(field, record, stride - 8);
            if (is_it) putchar('\n');
            field = end;
        }
    }
    return 0;
}
