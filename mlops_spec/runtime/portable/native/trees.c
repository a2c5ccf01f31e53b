/* What the leaves add up to that a row comes to, tree by tree. No library, not even C's own.
 *
 * A walk down one tree waits for memory at each step. So several go on at once: of several trees
 * for one row, of several rows where there are as many. A step is a sum, not a branch: nobody can
 * foretell a good split. A leaf leads to itself, so that walks of unequal length can go together.
 */
#include <stdint.h>

#define WALKS 8  /* with more, a compiler runs out of registers */
#define ROWS 256 /* that go through one tree before the next does: its nodes stay in the cache */
#define INLINED static inline __attribute__((always_inline))

typedef struct {
    union {
        double threshold;
        double value;                   /* of a leaf */
        uint32_t number;                /* of a leaf that has several values */
        struct { uint32_t begin, codes; } set; /* words of it, and codes that have a bit */
    };
    uint32_t feature; /* beside the marks */
    uint32_t left;    /* place of the node there; right is the one after it */
} Node;

#define MISSING_LEFT 0x80000000u
#define IN_SET 0x40000000u
#define LEAF 0x20000000u
#define FEATURE 0x1fffffffu

typedef struct {
    const Node *nodes;
    const uint32_t *roots;
    const uint32_t *targets; /* of each tree: the first answer that its leaves add to */
    const double *values;    /* by number, of leaves that have several */
    const uint32_t *words;   /* of the sets, a bit for each code */
    uint64_t trees;          /* a multiple of WALKS */
    uint64_t columns;
    uint64_t answers;
    uint64_t several; /* values of a leaf; 0: one, in its node */
} Trees;

typedef uint32_t Next(const Trees *, const Node *, const double *);

/* Of rows where nothing is missing. */
INLINED uint32_t by_number(const Trees *all, const Node *node, const double *row) {
    uint32_t right = row[node->feature & FEATURE] > node->threshold;
    return node->left + (right & !(node->feature & LEAF));
}

INLINED uint32_t by_number_or_nothing(const Trees *all, const Node *node, const double *row) {
    double value = row[node->feature & FEATURE];
    uint32_t nothing = (value != value) & !(node->feature & MISSING_LEFT);
    uint32_t right = (value > node->threshold) | nothing;
    return node->left + (right & !(node->feature & LEAF));
}

INLINED uint32_t by_set(const Trees *all, const Node *node, const double *row) {
    double value = row[node->feature & FEATURE];
    if (value != value) return node->left + !(node->feature & MISSING_LEFT);
    if (!(value >= 0 && value < (double)node->set.codes)) return node->left + 1;
    uint32_t code = (uint32_t)value;
    uint32_t in = all->words[node->set.begin + code / 32] >> (code % 32) & 1;
    return node->left + !(in && (double)code == value);
}

INLINED uint32_t by_number_or_set(const Trees *all, const Node *node, const double *row) {
    return node->feature & IN_SET ? by_set(all, node, row) : by_number(all, node, row);
}

INLINED uint32_t by_any(const Trees *all, const Node *node, const double *row) {
    return node->feature & IN_SET ? by_set(all, node, row) : by_number_or_nothing(all, node, row);
}

INLINED void add(const Trees *all, uint64_t tree, const Node *leaf, double *answer) {
    answer += all->targets[tree];
    if (!all->several) {
        *answer += leaf->value;
        return;
    }
    const double *values = all->values + leaf->number * all->several;
    for (uint64_t each = 0; each < all->several; each++) answer[each] += values[each];
}

/* One row down as many trees. */
INLINED void of_a_row(const Trees *all, uint64_t tree, const double *row, double *answer,
                      Next next) {
    uint32_t at[WALKS], moved;
    for (int walk = 0; walk < WALKS; walk++) at[walk] = all->roots[tree + walk];
    do {
        moved = 0;
        for (int walk = 0; walk < WALKS; walk++) {
            uint32_t there = next(all, all->nodes + at[walk], row);
            moved |= there ^ at[walk];
            at[walk] = there;
        }
    } while (moved);
    for (int walk = 0; walk < WALKS; walk++) add(all, tree + walk, all->nodes + at[walk], answer);
}

/* As many rows down one tree. */
INLINED void of_a_tree(const Trees *all, uint64_t tree, const double *rows, double *answers,
                       Next next) {
    uint32_t at[WALKS], moved;
    for (int walk = 0; walk < WALKS; walk++) at[walk] = all->roots[tree];
    do {
        moved = 0;
        for (int walk = 0; walk < WALKS; walk++) {
            uint32_t there = next(all, all->nodes + at[walk], rows + walk * all->columns);
            moved |= there ^ at[walk];
            at[walk] = there;
        }
    } while (moved);
    for (int walk = 0; walk < WALKS; walk++)
        add(all, tree, all->nodes + at[walk], answers + walk * all->answers);
}

static int is_whole(const double *values, uint64_t count) {
    int missing = 0;
    for (uint64_t each = 0; each < count; each++) missing |= values[each] != values[each];
    return !missing;
}

/* `whole_rows` where nothing is missing, `next` elsewhere. */
INLINED void all_rows(const Trees *all, const double *rows, uint64_t count, double *answers,
                      Next whole_rows, Next next) {
    uint8_t whole[ROWS / WALKS];
    uint64_t together = count - count % WALKS, width = all->columns, answered = all->answers;
    for (uint64_t begin = 0; begin < together; begin += ROWS) {
        uint64_t end = together - begin < ROWS ? together : begin + ROWS;
        for (uint64_t row = begin; row < end; row += WALKS)
            whole[(row - begin) / WALKS] = is_whole(rows + row * width, WALKS * width);
        for (uint64_t tree = 0; tree < all->trees; tree++)
            for (uint64_t row = begin; row < end; row += WALKS) {
                const double *first = rows + row * width;
                double *answer = answers + row * answered;
                if (whole[(row - begin) / WALKS])
                    of_a_tree(all, tree, first, answer, whole_rows);
                else
                    of_a_tree(all, tree, first, answer, next);
            }
    }
    for (uint64_t row = together; row < count; row++) {
        const double *first = rows + row * width;
        double *answer = answers + row * answered;
        if (is_whole(first, width))
            for (uint64_t tree = 0; tree < all->trees; tree += WALKS)
                of_a_row(all, tree, first, answer, whole_rows);
        else
            for (uint64_t tree = 0; tree < all->trees; tree += WALKS)
                of_a_row(all, tree, first, answer, next);
    }
}

/* `rows` × `columns` in, `rows` × `answers` added to. */
void walk_numbers(const Trees *all, const double *rows, uint64_t count, double *answers) {
    all_rows(all, rows, count, answers, by_number, by_number_or_nothing);
}

void walk_sets(const Trees *all, const double *rows, uint64_t count, double *answers) {
    all_rows(all, rows, count, answers, by_number_or_set, by_any);
}
