/* Memory that a fork copies cheaply: the interpreter, its heap and its libraries in huge pages and few mappings.
 *
 * A fork copies one entry for a huge page instead of 512. This library is loaded before the interpreter (LD_PRELOAD) so
 * that what the interpreter allocates while it starts lies there too.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE = 1 << 21, MOST_MEMORY = 1 << 28, FIRST_HEAP = 1 << 23, COLLAPSE = 25 /* MADV_COLLAPSE, Linux 6.1 */ };
enum { PAGE = 4096, POOL = 1 << 14, POOL_HEADER = 48, MOST_FILLED = 1 << 16, MOST_RUNS = 64 }; /* pymalloc's since Python 3.10 */

struct arenas { void *context, *(*allocate)(void *, size_t); void (*free)(void *, void *, size_t); };
extern void PyObject_SetArenaAllocator(struct arenas *);
extern void *PyObject_Malloc(size_t);
void nursery_use(int yes); /* nursery.c */

static char *memory, *memory_end, *heap;

static uintptr_t up(uintptr_t place)
{
    return (place + HUGE - 1) & ~(uintptr_t)(HUGE - 1);
}

/* Allocate and free, where a compiler would leave out both. */
static void touch(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

/* An arena of Python's allocator (PyObjectArenaAllocator), beside the ones before it. */
static void *arena(void *context, size_t size)
{
    (void)context;
    if (size > (size_t)(memory_end - memory)) {
        void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return found == MAP_FAILED ? NULL : found;
    }
    memory += size;
    return memory - size;
}

static void free_arena(void *context, void *place, size_t size)
{
    (void)context;
    munmap(place, size);
}

__attribute__((constructor)) static void begin(void)
{
    struct arenas arenas = { NULL, arena, free_arena };
    if (!getenv("CODEGYM_ZYGOTE")) /* a test has loaded this */
        return;
    char *place = mmap(NULL, MOST_MEMORY + HUGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED)
        return;
    memory = (char *)up((uintptr_t)place);
    memory_end = memory + MOST_MEMORY;
    munmap(place, memory - place);
    munmap(memory_end, place + HUGE - memory);
    madvise(memory, MOST_MEMORY, MADV_HUGEPAGE);
    PyObject_SetArenaAllocator(&arenas);
    heap = sbrk(0);
    if (heap == (char *)-1 || sbrk(up((uintptr_t)heap) - (uintptr_t)heap) == (char *)-1) {
        heap = NULL;
        return;
    }
    heap = (char *)up((uintptr_t)heap); /* malloc goes on from here */
    /* Its memory must be one mapping from before the first fork. Freeing a large block makes malloc take the next one
     * from there, and keep it when it is freed. */
    touch(FIRST_HEAP);
    touch(FIRST_HEAP - HUGE);
}

/* Libraries come as five small mappings each. A fork copies all of them and a child finds their pages one by one; so
 * each run of neighbours becomes one piece of memory at the same addresses, in huge pages where it fills half of one,
 * and with it the files that are only read between them (the table of gconv). It can be written and
 * executed: what keeps a program in is around its process, which may load code of its own anyway. */

struct run { uintptr_t start, end; };
static struct run runs[MOST_RUNS];
static int run_count;

static void replace(struct run run)
{
    size_t length = run.end - run.start, shift = run.start & (HUGE - 1);
    char *place = mmap(NULL, length + 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED)
        return;
    char *copy = (char *)up((uintptr_t)place) + shift;
    madvise(copy, length, MADV_HUGEPAGE);
    if (mprotect(copy, length, PROT_READ | PROT_WRITE | PROT_EXEC) == 0) {
        /* Free pages between the libraries cannot be read; they stay zero. */
        for (size_t page = 0; page < length; page += PAGE)
            if (msync((void *)(run.start + page), PAGE, MS_ASYNC) == 0)
                memcpy(copy + page, (const void *)(run.start + page), PAGE);
        if (mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)run.start) != MAP_FAILED)
            runs[run_count++] = run;
    }
    munmap(place, length + 2 * HUGE);
}

/* To be called once, when all that programs need has been imported, and /proc can still be read. */
void codegym_gather(void)
{
    static struct run found[MOST_RUNS];
    struct run run = { 0, 0 };
    uintptr_t before = 0, before_run = 0, arenas = (uintptr_t)memory_end - MOST_MEMORY;
    int count = 0, pieces = 0, libraries = 0;
    char line[4096 + 256];
    FILE *maps = sysconf(_SC_PAGESIZE) == PAGE ? fopen("/proc/self/maps", "r") : NULL;
    if (!maps)
        return;
    for (int more = 1; more && count < MOST_RUNS;) {
        unsigned long start = UINTPTR_MAX, end = 0;
        char access[5] = "", name[8] = "";
        more = fgets(line, sizeof line, maps) != NULL;
        int usable = more && sscanf(line, "%lx-%lx %4s %*s %*s %*s %7s", &start, &end, access, name) >= 3
                     && access[0] == 'r' && (access[3] == 'p' || access[1] != 'w') && name[0] != '['
                     && !(start < (uintptr_t)memory_end && end > arenas);
        if (run.end && (!usable || start > up(run.end))) {
            if (libraries && run.end - run.start >= HUGE / 2) {
                if (up(run.end) <= start) /* so much is free */
                    run.end = up(run.end);
                if (before_run <= (run.start & ~(uintptr_t)(HUGE - 1)))
                    run.start &= ~(uintptr_t)(HUGE - 1);
            }
            if (libraries && pieces > 1)
                found[count++] = run;
            run.end = pieces = libraries = 0;
        }
        if (usable) {
            if (!run.end) {
                run.start = start;
                before_run = before;
            }
            run.end = end;
            pieces++;
            libraries += name[0] == '/' && access[2] == 'x';
        }
        before = end;
    }
    fclose(maps);
    for (int i = 0; i < count; i++)
        replace(found[i]);
}

/* Use up the free places between what is there, so that what a child allocates lies side by side, on few pages. */
static void fill(void)
{
    char *top = (char *)sbrk(0) - mallinfo2().keepcost;
    for (size_t size = 16; size <= 512; size += 16) /* pymalloc: until a new pool begins */
        for (int i = 0; i < MOST_FILLED && ((uintptr_t)PyObject_Malloc(size) & (POOL - 1)) != POOL_HEADER; i++)
            ;
    for (size_t size = 24; size <= 4096; size += 16)
        for (int i = 0; i < MOST_FILLED && (char *)malloc(size) < top; i++)
            ;
}

/* The last thing before serving: give back what is free, bring together what is used. From now on arenas come from the
 * system, and count towards a program's limit. */
void codegym_seal(void)
{
    malloc_trim(HUGE);
    nursery_use(0);
    fill();
    nursery_use(1);
    if (memory && memory < memory_end) {
        char *used = (char *)up((uintptr_t)memory), *start = memory_end - MOST_MEMORY;
        if (used < memory_end)
            munmap(used, memory_end - used);
        madvise(start, used - start, COLLAPSE);
    }
    memory = memory_end;
    if (heap) {
        size_t rest = mallinfo2().keepcost;
        uintptr_t end = (uintptr_t)sbrk(0), used = up(end - rest);
        if (used > end)
            touch(used - end + rest); /* the last huge page has to be there as a whole */
        else
            madvise((void *)used, end - used, MADV_DONTNEED); /* free, but a fork would copy an entry for each page */
        madvise(heap, used - (uintptr_t)heap, COLLAPSE);
    }
    for (int i = 0; i < run_count; i++) {
        uintptr_t start = up(runs[i].start), end = runs[i].end & ~(uintptr_t)(HUGE - 1);
        if (start < end)
            madvise((void *)start, end - start, COLLAPSE);
    }
}
