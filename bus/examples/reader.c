/* Prints the records of a ring, from the bytes of its segment and FORMAT.md alone.
 *
 * cc -std=c11 -o reader bus/examples/reader.c && ./reader $TICKRING_DIR/example/ticks.ring
 *
 * Names, types and places of all fields come from the schema table in the segment. Each record is
 * copied as rows R1 to R4 of src/slot.rs say: one that is overwritten meanwhile is left out. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define LAYOUT_MAJOR 2 /* the layout version that this program reads */

static const uint8_t SIZE[12] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1}; /* by type code */

static uint64_t number(const uint8_t *at, unsigned bytes) { /* little endian */
    uint64_t value = 0;
    while (bytes--) value = value << 8 | at[bytes];
    return value;
}

static int fail(const char *what) { return fprintf(stderr, "reader: %s\n", what), 1; }

static void print_field(const uint8_t *field, const uint8_t *record, uint64_t record_bytes) {
    uint64_t at = number(field + 48, 4), count = number(field + 52, 4);
    unsigned type = field[56] < 12 ? field[56] : 0, size = SIZE[type], unused = 64 - 8 * size;
    if (field[0] == '_' || size == 0 || at + count * size > record_bytes) return;
    printf(" %.40s=", (const char *)field);
    if (type == 11) { printf("%.*s", (int)count, (const char *)record + at); return; }
    for (uint64_t i = 0; i < count; i++, at += size) {
        uint64_t bits = number(record + at, size);
        float f32; double f64;
        if (i > 0) putchar(',');
        if (field[58] && bits == number(field + 40, 8)) { putchar('-'); }
        else if (type == 9) { memcpy(&f32, record + at, 4); printf("%g", f32); }
        else if (type == 10) { memcpy(&f64, record + at, 8); printf("%g", f64); }
        else if (type >= 5) printf("%" PRId64, (int64_t)(bits << unused) >> unused);
        else printf("%" PRIu64, bits);
    }
}

/* `table` is the schema table; the fields of all kinds stand behind the last kind, in order. */
static void print_record(const uint8_t *table, uint64_t seq, const uint8_t *record, uint64_t size) {
    uint64_t kinds = number(table + 12, 4), before = 0;
    for (const uint8_t *kind = table + 32; kinds--; kind += 64) {
        uint64_t fields = number(kind + 44, 4);
        if (before + fields > number(table + 16, 4)) return;
        if (kind[48] == record[1]) {
            printf("%" PRIu64 " %.40s", seq, (const char *)kind);
            const uint8_t *field = table + 32 + 64 * number(table + 12, 4) + 160 * before;
            for (; fields--; field += 160) print_field(field, record, size);
            putchar('\n');
        }
        before += fields;
    }
}

int main(int argc, char **argv) {
    struct stat file;
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0 || fstat(fd, &file) || file.st_size < 4096) return fail("usage: reader FILE.ring");
    const uint8_t *segment = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (segment == MAP_FAILED) return fail("the file cannot be mapped");
    if (memcmp(segment, "TICKRING", 8)) return fail("not a segment");
    printf("layout %" PRIu64 ".%" PRIu64 "\n", number(segment + 8, 4), number(segment + 12, 4));
    if (number(segment + 8, 4) != LAYOUT_MAJOR) return fail("another layout version");
    uint64_t size = (uint64_t)file.st_size, table_at = number(segment + 72, 8);
    uint64_t table_bytes = number(segment + 80, 8), capacity = number(segment + 96, 8);
    uint64_t stride = number(segment + 104, 8), slots_at = number(segment + 112, 8);
    if (table_at >= size || table_bytes < 32 || table_bytes > size - table_at || slots_at >= size ||
        stride < 64 || stride % 8 || capacity == 0 || capacity & (capacity - 1) ||
        capacity > (size - slots_at) / stride) return fail("the segment is damaged");
    const uint8_t *table = segment + table_at;
    uint64_t kinds = number(table + 12, 4), fields = number(table + 16, 4);
    if (32 + 64 * kinds + 160 * fields != table_bytes) return fail("the schema table is damaged");
    uint64_t next = 0, *copy = malloc(stride);
    if (!copy) return fail("no memory");
    for (uint64_t i = 0; i < capacity; i++) { /* the highest stamp that is whole */
        uint64_t stamp = atomic_load_explicit(
            (const _Atomic uint64_t *)(segment + slots_at + i * stride), memory_order_relaxed);
        if (stamp % 2 == 0 && stamp / 2 > next) next = stamp / 2;
    }
    for (uint64_t seq = next > capacity ? next - capacity : 0; seq < next; seq++) {
        const _Atomic uint64_t *slot =
            (const _Atomic uint64_t *)(segment + slots_at + (seq & (capacity - 1)) * stride);
        uint64_t stamp = atomic_load_explicit(slot, memory_order_relaxed); /* row R1 */
        atomic_thread_fence(memory_order_acquire);                        /* row R1 */
        if (stamp != 2 * seq + 2) continue;
        for (uint64_t word = 1; word < stride / 8; word++)                /* row R2 */
            copy[word] = atomic_load_explicit(slot + word, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);                        /* row R3 */
        if (atomic_load_explicit(slot, memory_order_relaxed) != stamp) continue; /* row R4 */
        print_record(table, seq, (const uint8_t *)(copy + 1), stride - 8);
    }
    return 0;
}
