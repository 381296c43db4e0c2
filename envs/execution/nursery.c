/* Where a child's first allocations go: side by side, whatever their size.
 *
 * Python's allocator keeps each of 32 sizes in a pool of its own, and a child that allocates a little of each writes to a
 * page of each pool, which is copied. From here a program that allocates 60 kB writes to 15 fresh pages. When it is used
 * up, Python's allocator goes on: what has to be fast and thrifty for long is left to it.
 *
 * Only the first thread comes here. What it frees in another thread stays as it is.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { ROOM = 1 << 18, HEADER = 8, STEP = 16, MOST_SMALL = 1024, SMALL = MOST_SMALL / STEP, MOST = 1 << 15 };
enum { PAGE = 4096, FILLED = 13, FILLED_STACK = 4, POPULATE = 23 /* MADV_POPULATE_WRITE */ };
enum { CLASSES = SMALL + 1 + 4 * 5, DOMAINS = 3 }; /* PYMEM_DOMAIN_RAW, _MEM, _OBJ */

struct allocator {                   /* PyMemAllocatorEx */
    void *context, *(*malloc)(void *, size_t), *(*calloc)(void *, size_t, size_t), *(*realloc)(void *, void *, size_t);
    void (*free)(void *, void *);
};
struct block { struct block *next; };

void nursery_use(int yes);

extern void PyMem_GetAllocator(int domain, struct allocator *), PyMem_SetAllocator(int domain, struct allocator *);

static struct {
    char *place, *end;               /* what is left */
    void *thread;
    struct block *free[CLASSES];
} now;
static char *nursery;
static struct allocator python[DOMAINS];

/* Blocks with their headers come in steps of 16 bytes, then in four sizes between two powers of two. */
static unsigned class_of(size_t whole)
{
    if (whole <= MOST_SMALL)
        return (whole + STEP - 1) / STEP;
    unsigned power = 63 - __builtin_clzl(whole - 1); /* 2^power < whole <= 2^(power + 1) */
    return SMALL + 1 + 4 * (power - 10) + (((whole - 1) >> (power - 2)) & 3);
}

static size_t whole_of(unsigned class)
{
    if (class <= SMALL)
        return class * STEP;
    unsigned power = 10 + (class - SMALL - 1) / 4, quarter = (class - SMALL - 1) % 4;
    return ((size_t)1 << power) + ((size_t)(quarter + 1) << (power - 2));
}

static uint64_t *header(void *block)
{
    return (uint64_t *)((char *)block - HEADER);
}

static int is_ours(const void *block)
{
    return (uintptr_t)block - (uintptr_t)nursery < ROOM;
}

/* Returns NULL where Python's allocator has to be asked; *fresh: nobody has written there. */
static void *take(size_t size, int *fresh)
{
    *fresh = 0;
    if (size > MOST - HEADER || now.thread != __builtin_thread_pointer())
        return NULL;
    unsigned class = class_of(size + HEADER);
    struct block *block = now.free[class];
    if (block) {
        now.free[class] = block->next;
        return block;
    }
    size_t whole = whole_of(class);
    if (whole > (size_t)(now.end - now.place))
        return NULL;
    block = (struct block *)(now.place + HEADER);
    *header(block) = class;
    now.place += whole;
    *fresh = 1;
    return block;
}

static void give(void *block)
{
    if (now.thread != __builtin_thread_pointer())
        return; /* another thread's: it stays as it is */
    unsigned class = *header(block);
    ((struct block *)block)->next = now.free[class];
    now.free[class] = block;
}

static void *nursery_malloc(void *context, size_t size)
{
    struct allocator *rest = context;
    int fresh;
    void *block = take(size, &fresh);
    return block ? block : rest->malloc(rest->context, size);
}

static void *nursery_calloc(void *context, size_t count, size_t size)
{
    struct allocator *rest = context;
    int fresh;
    void *block = size && count > MOST / size ? NULL : take(count * size, &fresh);
    if (!block)
        return rest->calloc(rest->context, count, size);
    return fresh ? block : memset(block, 0, count * size);
}

static void *nursery_realloc(void *context, void *block, size_t size)
{
    struct allocator *rest = context;
    int fresh;
    if (!block)
        return nursery_malloc(context, size);
    if (!is_ours(block))
        return rest->realloc(rest->context, block, size);
    size_t room = whole_of(*header(block)) - HEADER;
    if (size <= room && size >= room / 4)
        return block;
    void *other = take(size, &fresh);
    if (!other && !(other = rest->malloc(rest->context, size)))
        return NULL;
    memcpy(other, block, size < room ? size : room);
    give(block);
    return other;
}

static void nursery_free(void *context, void *block)
{
    struct allocator *rest = context;
    if (is_ours(block))
        give(block);
    else
        rest->free(rest->context, block);
}

/* In the fork server, before it makes what every program uses: that comes first in here, and its children go on behind
 * it. */
void codegym_nursery(void)
{
    char *place = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED)
        return;
    nursery = place;
    now.place = nursery + STEP - HEADER; /* blocks lie at multiples of 16 */
    now.end = nursery + ROOM;
    for (int i = 0; i < DOMAINS; i++) {
        struct allocator mine = { &python[i], nursery_malloc, nursery_calloc, nursery_realloc, nursery_free };
        PyMem_GetAllocator(i, &python[i]);
        PyMem_SetAllocator(i, &mine);
    }
    nursery_use(1);
}

/* In a child: have at once what nearly every program writes to, and save it a fault for each page. Where the kernel knows
 * no such call, before Linux 5.14, the pages come one by one. */
void nursery_fill(void)
{
    char here, *first = (char *)((uintptr_t)now.place & ~(uintptr_t)(PAGE - 1));
    char *stack = (char *)((uintptr_t)&here & ~(uintptr_t)(PAGE - 1));
    if (nursery)
        madvise(first, FILLED * PAGE, POPULATE);
    madvise(stack - (FILLED_STACK - 1) * PAGE, FILLED_STACK * PAGE, POPULATE);
}

/* Whether allocations come from here. */
void nursery_use(int yes)
{
    now.thread = yes && nursery ? __builtin_thread_pointer() : NULL;
}
