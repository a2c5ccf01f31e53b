/* What the leaves add up to that a row comes to, tree by tree. No library, not even C's own.
 *
 * A walk down one tree waits for memory at each step. So several go on at once: of several trees
 * for one row, of several rows where there are as many. A step is a sum, not a branch: nobody can
 * foretell a good split. A leaf leads to itself, so that walks of unequal length can go together.
 *
 * Between two requests the trees leave the near caches. So memory is asked for before it is needed:
 * the next tree while rows go through this one, or what lies below a split while it is decided.
 */
#include <stdint.h>

#define TREES 32    /* that one row walks down at once, while there are as many: all wait together */
#define LAST 8      /* the same at the end; a multiple of it are all */
#define ROWS 16     /* that walk down one tree at once: a block */
#define BLOCKS 16   /* at most, that go through one tree before the next does */
#define ALONE 10    /* rows of an unfinished block that take no longer one by one */
#define LINE 64     /* bytes that memory gives at once */
/* Lines of a tree that are worth being asked for ahead, for each block; and that a cache holds. */
#define LINES 1024
#define MOST_LINES 8192
#define INLINED static inline __attribute__((always_inline))
#define EACH(walk, walks) _Pragma("clang loop unroll(full)") for (int walk = 0; walk < walks; walk++)

typedef struct {
    union {
        double threshold;
        double value;                   /* of a leaf */
        uint32_t number;                /* of a leaf that has several values */
        struct { uint32_t begin, codes; } set; /* words of it, and codes that have a bit */
    };
    uint32_t left;    /* place of the node there, in halves of a node; right is the one after it */
    uint16_t feature;
    uint16_t marks;
} Node;

/* As in `kernel.py`: counted up with every change of what is handed over. */
int kernel_number(void) { return 2; }

#define SPLIT 1u /* the lowest bit: what a step to the right is masked with */
#define MISSING_LEFT 2u
#define IN_SET 4u

typedef struct {
    const Node *nodes;
    const uint32_t *roots;   /* places as in a node; one tree lies behind the other */
    const uint32_t *targets; /* of each tree: the first answer that its leaves add to */
    const double *values;    /* by number, of leaves that have several */
    const uint32_t *words;   /* of the sets, a bit for each code */
    uint64_t trees;          /* a multiple of LAST */
    uint64_t columns;
    uint64_t answers;
    uint64_t several; /* values of a leaf; 0: one, in its node */
    uint64_t blocks;  /* that the caller has room for */
    uint64_t wide;    /* numbers of a row's answer; the first is one that the second leaves, or not */
    double divisor;
    const double *start; /* for each answer; 0: nothing */
    double slope;
} Trees;

/* 1 for the right. */
typedef uint32_t Side(const Trees *, const Node *, double);

INLINED const Node *node_at(const Trees *all, uint32_t place) {
    return (const Node *)((const char *)all->nodes + (uint64_t)place * (sizeof(Node) / 2));
}

/* Where nothing is missing. */
INLINED uint32_t by_number(const Trees *all, const Node *node, double value) {
    uint32_t right = value > node->threshold;
    __asm__("" : "+r"(right)); /* or a compiler makes a branch of it, which takes five times as long */
    return right;
}

INLINED uint32_t by_number_or_nothing(const Trees *all, const Node *node, double value) {
    uint32_t nothing = (value != value) & !(node->marks & MISSING_LEFT);
    uint32_t right = (value > node->threshold) | nothing;
    __asm__("" : "+r"(right));
    return right;
}

INLINED uint32_t by_set(const Trees *all, const Node *node, double value) {
    if (value != value) return !(node->marks & MISSING_LEFT);
    if (!(value >= 0 && value < (double)node->set.codes)) return 1;
    uint32_t code = (uint32_t)value;
    uint32_t in = all->words[node->set.begin + code / 32] >> (code % 32) & 1;
    return !(in && (double)code == value);
}

INLINED uint32_t by_number_or_set(const Trees *all, const Node *node, double value) {
    return node->marks & IN_SET ? by_set(all, node, value) : by_number(all, node, value);
}

INLINED uint32_t by_any(const Trees *all, const Node *node, double value) {
    return node->marks & IN_SET ? by_set(all, node, value)
                                : by_number_or_nothing(all, node, value);
}

/* `apart`: from the value of one column to that of the next. `far`: the nodes are not near yet. */
INLINED uint32_t step(const Trees *all, uint32_t at, const double *values, uint32_t apart, int far,
                      Side side) {
    const Node *node = node_at(all, at);
    if (far) { /* behind the two nodes lie the two that most walks need after them */
        __builtin_prefetch(node_at(all, node->left));
        __builtin_prefetch((const char *)node_at(all, node->left) + LINE);
    }
    uint32_t right = side(all, node, values[node->feature * apart]);
    return node->left + 2 * (right & node->marks);
}

/* Leaves that walks ended at, of one tree or several, are added to one answer or several. */
static __attribute__((noinline)) void add(const Trees *all, const uint32_t *ends, uint64_t count, const uint32_t *targets,
                uint64_t apart, double *answers, uint64_t answered) {
    for (uint64_t walk = 0; walk < count; walk++) {
        const Node *leaf = node_at(all, ends[walk]);
        double *answer = answers + walk * answered + targets[walk * apart];
        const double *values = all->several ? all->values + leaf->number * all->several : &leaf->value;
        *answer += *values;
        for (uint64_t each = 1; each < all->several; each++) answer[each] += values[each];
    }
}

/* One row down as many trees. */
INLINED void of_trees(const Trees *all, uint64_t tree, int walks, const double *row,
                      double *answer, Side side) {
    uint32_t at[TREES], end[TREES], moved;
    EACH(walk, walks) at[walk] = all->roots[tree + walk];
    do {
        moved = 0;
        EACH(walk, walks) {
            uint32_t there = step(all, at[walk], row, 1, 1, side);
            moved |= there ^ at[walk];
            at[walk] = there;
        }
    } while (moved);
    EACH(walk, walks) end[walk] = at[walk];
    add(all, end, walks, all->targets + tree, 1, answer, 0);
}

INLINED void of_a_row(const Trees *all, const double *row, double *answer, Side side) {
    uint64_t tree = 0;
    for (; tree + TREES <= all->trees; tree += TREES)
        of_trees(all, tree, TREES, row, answer, side);
    for (; tree < all->trees; tree += LAST) of_trees(all, tree, LAST, row, answer, side);
}

/* A block of rows down one tree. The rows that are there: the others only fill it up. */
INLINED void of_rows(const Trees *all, uint64_t tree, const double *block, uint64_t there,
                     double *answers, int far, Side side) {
    uint32_t at[ROWS], end[ROWS], moved;
    EACH(walk, ROWS) at[walk] = all->roots[tree];
    do {
        moved = 0;
        EACH(walk, ROWS) {
            uint32_t next = step(all, at[walk], block + walk, ROWS, far, side);
            moved |= next ^ at[walk];
            at[walk] = next;
        }
    } while (moved);
    EACH(walk, ROWS) end[walk] = at[walk];
    add(all, end, there, all->targets + tree, 0, answers, all->wide);
}

static int is_whole(const double *values, uint64_t count) {
    int missing = 0;
    for (uint64_t each = 0; each < count; each++) missing |= values[each] != values[each];
    return !missing;
}

/* Rows side by side, column after column. The last row fills up what is left of the block. */
static void turn(const double *rows, uint64_t there, uint64_t columns, double *block) {
    for (uint64_t row = 0; row < ROWS; row++) {
        const double *from = rows + (row < there ? row : there - 1) * columns;
        for (uint64_t column = 0; column < columns; column++)
            block[column * ROWS + row] = from[column];
    }
}

/* Lines of a tree, if they are few enough for the rows that are to go through it; else 0. */
static uint64_t lines_of(const Trees *all, uint64_t tree, uint64_t blocks) {
    if (tree + 1 >= all->trees || all->roots[tree + 1] <= all->roots[tree]) return 0;
    uint64_t halves = all->roots[tree + 1] - all->roots[tree];
    uint64_t lines = halves * (sizeof(Node) / 2) / LINE + 1;
    return lines <= LINES * blocks && lines <= MOST_LINES ? lines : 0;
}

/* Rows that fill no more blocks than there is room for, through all trees. */
INLINED void of_blocks(const Trees *all, const double *rows, uint64_t count, double *answers,
                       double *room, Side whole_rows, Side side) {
    uint8_t whole[BLOCKS];
    uint64_t blocks = (count + ROWS - 1) / ROWS, size = ROWS * all->columns;
    for (uint64_t block = 0; block < blocks; block++) {
        uint64_t there = count - block * ROWS < ROWS ? count - block * ROWS : ROWS;
        turn(rows + block * size, there, all->columns, room + block * size);
        whole[block] = is_whole(rows + block * size, there * all->columns);
    }
    uint64_t near = 0; /* lines of this tree that have been asked for */
    for (uint64_t tree = 0; tree < all->trees; tree++) {
        uint64_t ahead = lines_of(all, tree + 1, blocks), asked = 0;
        for (uint64_t block = 0; block < blocks; block++) {
            for (; asked * blocks < ahead * (block + 1); asked++)
                __builtin_prefetch((const char *)node_at(all, all->roots[tree + 1]) + asked * LINE);
            uint64_t there = count - block * ROWS < ROWS ? count - block * ROWS : ROWS;
            double *answer = answers + block * ROWS * all->wide;
            const double *values = room + block * size;
            if (!whole[block])
                of_rows(all, tree, values, there, answer, 1, side);
            else if (near)
                of_rows(all, tree, values, there, answer, 0, whole_rows);
            else
                of_rows(all, tree, values, there, answer, 1, whole_rows);
        }
        near = ahead;
    }
}

/* What is made of the sums: (sum / divisor + start) * slope. */
static void finish(const Trees *all, uint64_t count, double *answers) {
    for (uint64_t row = 0; row < count; row++, answers += all->wide)
        for (uint64_t each = 0; each < all->answers; each++) {
            double sum = answers[each] / all->divisor;
            if (all->start) sum += all->start[each];
            answers[each] = sum * all->slope;
            if (all->wide > all->answers) answers[-1] = 1.0 - answers[each];
        }
}

/* `whole_rows` where nothing is missing, `side` elsewhere. */
INLINED void of_all(const Trees *all, const double *rows, uint64_t count, double *answers,
                    double *room, Side whole_rows, Side side) {
    uint64_t width = all->columns, answered = all->wide, rest = count % ROWS, row = 0;
    uint64_t together = rest > ALONE ? count : count - rest, most = all->blocks * ROWS;
    if (!room) together = 0;
    answers += all->wide - all->answers;
    for (; row < together; row += most) {
        uint64_t now = together - row < most ? together - row : most;
        of_blocks(all, rows + row * width, now, answers + row * answered, room, whole_rows, side);
    }
    for (row = together; row < count; row++) {
        const double *values = rows + row * width;
        if (is_whole(values, width))
            of_a_row(all, values, answers + row * answered, whole_rows);
        else
            of_a_row(all, values, answers + row * answered, side);
    }
    finish(all, count, answers);
}

/* `rows` × `columns` in, `rows` × `wide` out, which are 0 before. `room`: for `blocks` of ROWS × `columns`, or
 * as many as the rows fill; without it, all go one by one. */
void walk_numbers(const Trees *all, const double *rows, uint64_t count, double *answers,
                  double *room) {
    of_all(all, rows, count, answers, room, by_number, by_number_or_nothing);
}

void walk_sets(const Trees *all, const double *rows, uint64_t count, double *answers,
               double *room) {
    of_all(all, rows, count, answers, room, by_number_or_set, by_any);
}
