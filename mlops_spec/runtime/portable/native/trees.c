/* What the leaves add up to that a row comes to, tree by tree. No library, not even C's own.
 *
 * A walk down one tree waits for memory at each step. So eight walks go on at once: of eight trees
 * for one row, of eight rows where there are as many. A step is a sum, not a branch: nobody can
 * foretell a good split. A leaf leads to itself, so that walks of unequal length can go together.
 */
#include <stddef.h>
#include <stdint.h>

#define WALKS 8
#define ROWS 256 /* that go through one tree before the next: their values stay in the cache */
#define STEPS 3  /* before it is asked whether anybody has moved */

/* `left`: place among all nodes, in `Narrow` among those of its tree; right is the one after it. */
typedef struct {
    double threshold;
    uint32_t feature; /* beside the two marks */
    uint32_t left;
} Wide;
typedef struct {
    float threshold;
    uint16_t feature;
    uint16_t left;
} Narrow;

typedef struct {
    const void *nodes;
    const uint32_t *roots;
    const uint32_t *targets; /* of each tree: the first answer that its leaves add to */
    const uint32_t *numbers; /* of each leaf, by its place; where leaves have several values */
    const double *values;    /* by place; where there are several, by number */
    const uint32_t *words;   /* of the sets, a bit for each code */
    uint64_t trees;          /* a multiple of WALKS */
    uint64_t columns;
    uint64_t answers;
    uint64_t several; /* values of a leaf; 0: one, by place */
} Trees;

#define MISSING_LEFT_WIDE 0x80000000u
#define IN_SET 0x40000000u
#define FEATURE_WIDE 0x3fffffffu
#define MISSING_LEFT_NARROW 0x8000u
#define FEATURE_NARROW 0x7fffu

static inline uint32_t right_wide(const Trees *all, const Wide *node, const double *row) {
    double value = row[node->feature & FEATURE_WIDE];
    uint32_t nothing = (value != value) & !(node->feature & MISSING_LEFT_WIDE);
    return (uint32_t)(value > node->threshold) | nothing;
}

/* The threshold of such a node holds where its set begins, and how many codes have a bit there. */
static inline uint32_t right_or_outside(const Trees *all, const Wide *node, const double *row) {
    if (!(node->feature & IN_SET)) return right_wide(all, node, row);
    double value = row[node->feature & FEATURE_WIDE];
    union {
        double number;
        uint32_t parts[2];
    } set = {.number = node->threshold};
    if (value != value) return !(node->feature & MISSING_LEFT_WIDE);
    if (!(value >= 0 && value < (double)set.parts[1])) return 1;
    uint32_t code = (uint32_t)value;
    if ((double)code != value) return 1;
    return !(all->words[set.parts[0] + code / 32] >> (code % 32) & 1);
}

static inline uint32_t right_narrow(const Trees *all, const Narrow *node, const float *row) {
    float value = row[node->feature & FEATURE_NARROW];
    uint32_t nothing = (value != value) & !(node->feature & MISSING_LEFT_NARROW);
    return (uint32_t)(value > node->threshold) | nothing;
}

static inline void add(const Trees *all, uint64_t tree, uint64_t leaf, double *answer) {
    answer += all->targets[tree];
    if (!all->several) {
        *answer += all->values[leaf];
        return;
    }
    const double *values = all->values + all->numbers[leaf] * all->several;
    for (uint64_t each = 0; each < all->several; each++) answer[each] += values[each];
}

/* `FROM`: the place that `left` counts from. */
#define DEFINE(NAME, NODE, NUMBER, RIGHT, FROM, START)                                             \
    static void one_##NAME(const Trees *all, const NUMBER *row, double *answer) {                  \
        const NODE *nodes = all->nodes;                                                            \
        for (uint64_t tree = 0; tree < all->trees; tree += WALKS) {                                \
            const uint32_t *roots = all->roots + tree;                                             \
            uint32_t at[WALKS], moved;                                                             \
            for (int walk = 0; walk < WALKS; walk++) at[walk] = START(roots[walk]);                \
            do                                                                                     \
                for (int step = 0; step < STEPS; step++) {                                         \
                    moved = 0;                                                                     \
                    for (int walk = 0; walk < WALKS; walk++) {                                     \
                        const NODE *node = nodes + FROM(roots[walk]) + at[walk];                   \
                        uint32_t next = node->left + RIGHT(all, node, row);                        \
                        moved |= next ^ at[walk];                                                  \
                        at[walk] = next;                                                           \
                    }                                                                              \
                }                                                                                  \
            while (moved);                                                                         \
            for (int walk = 0; walk < WALKS; walk++)                                               \
                add(all, tree + walk, FROM(roots[walk]) + at[walk], answer);                       \
        }                                                                                          \
    }                                                                                              \
    static void eight_##NAME(const Trees *all, uint64_t tree, const NUMBER *rows,                  \
                             double *answers) {                                                    \
        const NODE *nodes = (const NODE *)all->nodes + FROM(all->roots[tree]);                     \
        uint32_t at[WALKS], moved;                                                                 \
        for (int walk = 0; walk < WALKS; walk++) at[walk] = START(all->roots[tree]);               \
        do                                                                                         \
            for (int step = 0; step < STEPS; step++) {                                             \
                moved = 0;                                                                         \
                for (int walk = 0; walk < WALKS; walk++) {                                         \
                    const NODE *node = nodes + at[walk];                                           \
                    uint32_t next = node->left + RIGHT(all, node, rows + walk * all->columns);     \
                    moved |= next ^ at[walk];                                                      \
                    at[walk] = next;                                                               \
                }                                                                                  \
            }                                                                                      \
        while (moved);                                                                             \
        for (int walk = 0; walk < WALKS; walk++)                                                   \
            add(all, tree, FROM(all->roots[tree]) + at[walk], answers + walk * all->answers);      \
    }                                                                                              \
    void NAME(const Trees *all, const NUMBER *rows, uint64_t count, double *answers) {             \
        uint64_t together = count - count % WALKS;                                                 \
        for (uint64_t begin = 0; begin < together; begin += ROWS) {                                \
            uint64_t end = together - begin < ROWS ? together : begin + ROWS;                      \
            for (uint64_t tree = 0; tree < all->trees; tree++)                                     \
                for (uint64_t row = begin; row < end; row += WALKS)                                \
                    eight_##NAME(all, tree, rows + row * all->columns,                             \
                                 answers + row * all->answers);                                    \
        }                                                                                          \
        for (uint64_t row = together; row < count; row++)                                          \
            one_##NAME(all, rows + row * all->columns, answers + row * all->answers);              \
    }

#define NOTHING(root) 0
#define ITSELF(root) (root)
DEFINE(wide, Wide, double, right_wide, NOTHING, ITSELF)
DEFINE(sets, Wide, double, right_or_outside, NOTHING, ITSELF)
DEFINE(narrow, Narrow, float, right_narrow, ITSELF, NOTHING)
