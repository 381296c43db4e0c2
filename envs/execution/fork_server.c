/* The fork server's loop and a child's way into its jail, without touching the interpreter's memory.
 *
 * Optional: zygote.py does the same where this could not be compiled. It is faster because a page that the fork server
 * or a child writes to after the fork is copied, and running Python code writes to hundreds (reference counts).
 *
 * The messages are those of zygote.py. Only for zygotes with the system-call filter: their children cannot leave
 * processes behind, so that nothing has to be hunted. Data about limits and filters come from isolation.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FORK_CANDIDATES = 1, FORK_REFEREES = 2, KILL = 3 };
enum { CHANNEL = 3, TURN = SIGUSR1, MOST_CHILDREN = 256, MOST_FORKS = 64, MOST_DESCRIPTORS = 4, MOST_LIMITS = 16 };
enum { FIRST_READ = 1 << 16, MOST_FRAME = 1 << 28 };

struct runner;
struct limit { int64_t resource, value; };

struct setup {                       /* what the fork server needs to know; filled in by zygote.py */
    int64_t control, reports, report, most_denied, has_listener, limits, own_pid_places;
    struct limit limit[MOST_LIMITS];
    void *filter_seen, *filter_unseen; /* struct sock_fprog: denied calls are reported, or only refused */
    uint32_t *own_pid[8];            /* places in both filters that hold the process id */
    void *filter_inherited;          /* struct sock_fprog, for this process and so for its children */
    int64_t key_places;
    uint32_t *key[16];               /* places in it that hold a key, low half first */
    const struct runner *runner;     /* what run_program.c works with, or NULL */
};

struct task {                        /* what a child got; read by zygote.py */
    int64_t is_referee, length, rest, descriptors;
    const char *frame;               /* the first frame, and after it the bytes that came with it */
    int32_t descriptor[MOST_DESCRIPTORS];
};

struct child {
    int used, pid, listener, is_referee;
    uint32_t number, denied;
    uint64_t order;                  /* candidates take turns in the order of forking */
};

struct request { uint8_t kind, padding; uint16_t count; uint32_t number[MOST_FORKS]; } __attribute__((packed));

struct ended {
    uint32_t number;
    int32_t status;
    double seconds;
    int64_t max_rss;
    int32_t killed;
    uint32_t denied;
} __attribute__((packed));

void codegym_run(const struct runner *, const char *frame, size_t length, int descriptors, int memory); /* run_program.c */

static struct child children[MOST_CHILDREN];
static uint64_t forked;
static char first_read[FIRST_READ];

static int receive_descriptors(int from, void *data, size_t size, int *found, int most, int *count, int flags)
{
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int) * MOST_FORKS)]; } ancillary;
    struct iovec part = { data, size };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &ancillary,
                              .msg_controllen = CMSG_SPACE(sizeof(int) * most) };
    int length;
    do
        length = recvmsg(from, &message, flags);
    while (length < 0 && errno == EINTR);
    if (length <= 0)
        return length;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            int n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (int i = 0; i < n; i++) {
                int descriptor;
                memcpy(&descriptor, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                if (*count < most)
                    found[(*count)++] = descriptor;
                else
                    close(descriptor);
            }
        }
    return length;
}

/* The key
 *
 * Loading a filter costs a child 0.1 ms, and a listener of its own half as much again. So this process loads one for
 * itself, which its children inherit; what only it may do takes a key of 64 bits in the sixth argument (seccomp.py). The
 * key lies in a page that the kernel empties in every child, and is in a register only during a call: what runs in a
 * child has never seen it. A child's first calls, which close everything that is not its own, are made before it is let
 * go of the register.
 */

static uint64_t *key;                /* NULL: each child loads its own filter */
static int *thread_id;
static struct { void *head; size_t length; } robust_list;

#ifdef __x86_64__
static long server_call(long number, long first, long second, long third, long fourth)
{
    if (!key) {
        long result = syscall(number, first, second, third, fourth);
        return result < 0 ? -errno : result;
    }
    register long fourth_place __asm__("r10") = fourth;
    long result;
    __asm__ volatile("movq (%[key]), %%r9\n\tsyscall\n\txorl %%r9d, %%r9d"
                     : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third), "r"(fourth_place), [key] "b"(key)
                     : "rcx", "r8", "r9", "r11", "memory");
    return result;
}

/* fork; the child keeps 0 to 2 and the channel, and dies with this process. */
static int fork_with_key(int channel)
{
    long result = SYS_clone, first = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, second = 0, third = 0;
    register long fourth __asm__("r10") = (long)thread_id;
    register long fifth __asm__("r8") = 0;
    register long mine __asm__("r12") = channel;
    __asm__ volatile("movq (%[key]), %%r9\n\tsyscall\n\ttestq %%rax, %%rax\n\tjnz 1f\n\t"
                     "movl %[dup2], %%eax\n\tmovl %%r12d, %%edi\n\tmovl %[place], %%esi\n\tsyscall\n\t"
                     "movl %[close_range], %%eax\n\tmovl %[after], %%edi\n\tmovl $-1, %%esi\n\txorl %%edx, %%edx\n\t"
                     "syscall\n\t"
                     "movl %[prctl], %%eax\n\tmovl %[death], %%edi\n\tmovl %[kill], %%esi\n\tsyscall\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "1: xorl %%r9d, %%r9d"
                     : "+a"(result), "+D"(first), "+S"(second), "+d"(third), "+r"(fourth), "+r"(fifth)
                     : "r"(mine), [key] "b"(key), [dup2] "i"(SYS_dup2), [place] "i"(CHANNEL), [prctl] "i"(SYS_prctl),
                       [close_range] "i"(SYS_close_range), [after] "i"(CHANNEL + 1), [death] "i"(PR_SET_PDEATHSIG),
                       [kill] "i"(SIGKILL)
                     : "rcx", "r9", "r11", "memory");
    if (result == 0)
        syscall(SYS_set_robust_list, robust_list.head, robust_list.length);
    return result;
}

static __attribute__((noinline)) int load_with_key(const struct setup *setup)
{
    void *page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, sysconf(_SC_PAGESIZE), MADV_WIPEONFORK) < 0
        || syscall(SYS_getrandom, page, sizeof *key, 0) != sizeof *key)
        return -1;
    for (int i = 0; i < setup->key_places; i++)
        *setup->key[i] = ((const volatile uint32_t *)page)[i % 2];
    int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                           SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_NEW_LISTENER, setup->filter_inherited);
    for (int i = 0; i < setup->key_places; i++)
        *(volatile uint32_t *)setup->key[i] = 0;
    if (listener >= 0)
        key = page;
    return listener;
}

static __attribute__((noinline)) void clean_stack(void)
{
    volatile char used[FIRST_READ / 16];
    for (size_t i = 0; i < sizeof used; i++)
        used[i] = 0;
}

/* Returns the listener of this process and all its children, or -1: the kernel lacks something, or there are other
 * threads (only glibc's fork lets libraries care for theirs). */
static int enter_with_key(const struct setup *setup)
{
    if (unshare(CLONE_THREAD) < 0 || !setup->has_listener || !setup->filter_inherited || prctl(PR_GET_TID_ADDRESS, &thread_id, 0, 0, 0) < 0
        || !thread_id || syscall(SYS_get_robust_list, 0, &robust_list.head, &robust_list.length) < 0
        || syscall(SYS_close_range, ~0U, ~0U, 0) < 0)
        return -1;
    int listener = load_with_key(setup);
    clean_stack();
    return listener;
}
#else
static long server_call(long number, long first, long second, long third, long fourth)
{
    long result = syscall(number, first, second, third, fourth);
    return result < 0 ? -errno : result;
}

static int fork_with_key(int channel)
{
    (void)channel;
    return fork();
}

static int enter_with_key(const struct setup *setup)
{
    (void)setup;
    return -1;
}
#endif

/* The child */

static int load_filter(const struct setup *setup)
{
    for (int i = 0; i < setup->own_pid_places; i++)
        *setup->own_pid[i] = getpid();
    if (setup->has_listener) {
        int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                               SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_NEW_LISTENER, setup->filter_seen);
        if (listener >= 0)
            return listener;
        if (errno != EINVAL && errno != EBUSY && errno != ENOSYS && errno != EOPNOTSUPP)
            _exit(1);
    }
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, setup->filter_unseen) < 0
        && (errno != EINVAL || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, setup->filter_unseen) < 0))
        _exit(1);
    return -1;
}

static void send_listener(int to, int listener)
{
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } ancillary = { 0 };
    int32_t pid = getpid();
    struct iovec part = { &pid, sizeof pid };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &ancillary,
                              .msg_controllen = sizeof ancillary.space };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &listener, sizeof(int));
    if (sendmsg(to, &message, 0) < 0)
        _exit(1);
}

static void receive_first(struct task *task)
{
    char *buffer = first_read;
    size_t room = sizeof first_read, have = 0, length = 0;
    int count = 0;
    while (have < 4 || have < 4 + length) {
        int n = receive_descriptors(CHANNEL, buffer + have, room - have, task->descriptor, MOST_DESCRIPTORS, &count, 0);
        if (n <= 0)
            _exit(0); /* the judge has no program for this child */
        have += n;
        if (have >= 4 && !length) {
            uint32_t size;
            memcpy(&size, buffer, 4);
            length = size;
            if (!length || length > MOST_FRAME)
                _exit(1);
            if (length + 4 > room) {
                char *larger = malloc(length + 4);
                if (!larger)
                    _exit(1);
                memcpy(larger, buffer, have);
                buffer = larger;
                room = length + 4;
            }
        }
    }
    task->frame = buffer + 4;
    task->length = length;
    task->rest = have - 4 - length;
    task->descriptors = count;
}

static void be_child(const struct setup *setup, int channel, int is_referee, const sigset_t *mask, struct task *task)
{
    sigset_t turn;
    int got;
    if (!key) {
        dup2(channel, CHANNEL);
        if (syscall(SYS_close_range, CHANNEL + 1, setup->report - 1, 0) < 0
            || syscall(SYS_close_range, setup->report + 1, ~0U, 0) < 0)
            for (int number = CHANNEL + 1; number < 4096; number++)
                if (number != setup->report)
                    close(number);
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    }
    for (int i = 0; i < setup->limits; i++) {
        struct rlimit limit = { setup->limit[i].value, setup->limit[i].value };
        if (setrlimit(setup->limit[i].resource, &limit) < 0)
            _exit(1);
    }
    if (!key) {
        int listener = load_filter(setup);
        if (listener >= 0) {
            send_listener(setup->report, listener);
            close(listener);
        }
        close(setup->report);
    }
    if (!is_referee) { /* its program waits in the channel meanwhile: one wake-up instead of two */
        sigemptyset(&turn);
        sigaddset(&turn, TURN);
        while (sigwait(&turn, &got) != 0)
            ;
    }
    receive_first(task);
    task->is_referee = is_referee;
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (!is_referee && setup->runner && !task->rest)
        codegym_run(setup->runner, task->frame, task->length, task->descriptors, task->descriptor[0]);
}

/* The fork server */

static struct child *find(int pid, uint32_t number)
{
    for (int i = 0; i < MOST_CHILDREN; i++)
        if (children[i].used && (pid ? children[i].pid == pid : children[i].number == number))
            return &children[i];
    return NULL;
}

static struct child *first_in_line(void)
{
    struct child *first = NULL;
    for (int i = 0; i < MOST_CHILDREN; i++)
        if (children[i].used && !children[i].is_referee && (!first || children[i].order < first->order))
            first = &children[i];
    return first;
}

static void report_end(const struct setup *setup, const struct ended *ended, int count)
{
    send(setup->control, ended, count * sizeof *ended, MSG_NOSIGNAL);
}

/* Returns whether this process is the new child. */
static int fork_one(const struct setup *setup, uint32_t number, int channel, int is_referee, const sigset_t *mask,
                    struct task *task)
{
    struct child *child = NULL;
    int pid = -1;
    for (int i = 0; i < MOST_CHILDREN && !child; i++)
        if (!children[i].used)
            child = &children[i];
    if (child)
        pid = key ? fork_with_key(channel) : fork();
    if (pid == 0) {
        be_child(setup, channel, is_referee, mask, task);
        return 1;
    }
    close(channel);
    if (pid < 0) { /* the system has no room for another process now */
        struct timespec pause = { 0, 50000000 };
        struct ended ended = { number, SIGKILL, 0.0, 0, -1, 0 };
        nanosleep(&pause, NULL);
        report_end(setup, &ended, 1);
        return 0;
    }
    struct child *before = is_referee ? NULL : first_in_line();
    *child = (struct child){ 1, pid, -1, is_referee, number, 0, forked++ };
    if (!is_referee && !before)
        server_call(SYS_kill, pid, TURN, 0, 0);
    return 0;
}

static int obey(const struct setup *setup, const sigset_t *mask, struct task *task)
{
    struct request request;
    int descriptors[MOST_FORKS], count = 0;
    int length = receive_descriptors(setup->control, &request, sizeof request, descriptors, MOST_FORKS, &count, 0);
    if (length <= 0)
        _exit(0); /* the judge is gone, and with this process all its children */
    if (request.kind == KILL) {
        struct child *child = find(0, request.number[0]);
        if (child)
            server_call(SYS_kill, child->pid, SIGKILL, 0, 0); /* not reaped yet, so the number is still its own */
        return 0;
    }
    for (int i = 0; i < count && i < request.count; i++)
        if (fork_one(setup, request.number[i], descriptors[i], request.kind == FORK_REFEREES, mask, task))
            return 1;
    return 0;
}

static void watch(const struct setup *setup, int poll)
{
    int32_t pid;
    int listener = -1, count = 0;
    while (receive_descriptors(setup->reports, &pid, sizeof pid, &listener, 1, &count, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
           > 0) {
        struct child *child = count ? find(pid, 0) : NULL;
        struct epoll_event event = { EPOLLIN, { .u64 = (uint64_t)1 << 32 | (child ? child - children : 0) } };
        if (child && child->listener < 0 && epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) == 0)
            child->listener = listener;
        else if (count)
            close(listener);
        listener = -1, count = 0;
    }
}

/* Closing alone is not enough: children that were forked meanwhile hold the listener too until they run, and as long
 * the poll would return at once, for nothing. */
static void stop_listening(struct child *child, int poll)
{
    if (child->listener >= 0) {
        epoll_ctl(poll, EPOLL_CTL_DEL, child->listener, NULL);
        close(child->listener);
        child->listener = -1;
    }
}

/* Which child a thread belongs to. */
static struct child *owner(int thread)
{
    struct child *child = find(thread, 0);
    for (int i = 0; i < MOST_CHILDREN && !child; i++)
        if (children[i].used && server_call(SYS_tgkill, children[i].pid, thread, 0, 0) == 0)
            child = &children[i];
    return child;
}

/* Signals and limits, of itself: an inherited filter cannot know whose process id it sees. */
static int is_its_own(const struct seccomp_notif *notice)
{
    int number = notice->data.nr, process = notice->data.args[0];
    return (number == SYS_kill || number == SYS_tgkill || number == SYS_prlimit64) && process > 0
           && server_call(SYS_tgkill, process, notice->pid, 0, 0) == 0;
}

/* Answer a denied system call. */
static void refuse(const struct setup *setup, int listener, struct child *child)
{
    struct seccomp_notif notice;
    struct seccomp_notif_resp answer = { 0 };
    memset(&notice, 0, sizeof notice);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) < 0)
        return;
    answer.id = notice.id;
    if (key && is_its_own(&notice))
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else
        answer.error = -EPERM;
    if (!child)
        child = owner(notice.pid);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 && child && answer.error
        && ++child->denied == setup->most_denied)
        server_call(SYS_kill, child->pid, SIGKILL, 0, 0);
}

static void hear(const struct setup *setup, struct child *child, uint32_t events, int poll)
{
    if (!child->used || child->listener < 0)
        return;
    if (events & EPOLLIN)
        refuse(setup, child->listener, child);
    else
        stop_listening(child, poll);
}

static void bury(const struct setup *setup, int poll)
{
    struct ended ended[MOST_FORKS];
    struct rusage usage;
    int count = 0, pid, status;
    if (!key)
        watch(setup, poll); /* what a dead child has sent still has to find it */
    while (count < MOST_FORKS && (pid = server_call(SYS_wait4, -1, (long)&status, WNOHANG, (long)&usage)) > 0) {
        struct child *child = find(pid, 0), *next;
        if (!child)
            continue;
        int had_turn = first_in_line() == child;
        stop_listening(child, poll);
        ended[count++] = (struct ended){
            child->number, status,
            usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6,
            usage.ru_maxrss, 0, child->denied };
        child->used = 0;
        next = had_turn ? first_in_line() : NULL;
        if (next)
            server_call(SYS_kill, next->pid, TURN, 0, 0);
    }
    if (count)
        report_end(setup, ended, count);
    if (count == MOST_FORKS)
        server_call(SYS_kill, getpid(), SIGCHLD, 0, 0); /* there may be more */
}

/* Serve until the judge is gone; returns in each child, with its task. */
void codegym_serve(const struct setup *setup, struct task *task)
{
    sigset_t mask, blocked;
    struct epoll_event events[16], event = { EPOLLIN, { 0 } };
    sigfillset(&blocked); /* a handler would leave all registers on the stack, and so the key */
    sigprocmask(SIG_BLOCK, &blocked, &mask);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    int poll = epoll_create1(EPOLL_CLOEXEC), deaths = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
    int listener = enter_with_key(setup);
    int sources[] = { (int)setup->control, (int)setup->reports, deaths, listener };
    for (int i = 0; i < 3 + (listener >= 0); i++) {
        event.data.u64 = i;
        if (poll < 0 || deaths < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, sources[i], &event) < 0)
            _exit(1);
    }
    for (;;) {
        int count = epoll_wait(poll, events, 16, -1), dead = 0;
        for (int i = 0; i < count; i++) {
            uint64_t what = events[i].data.u64;
            if (what == 0) {
                if (obey(setup, &mask, task))
                    return;
            } else if (what == 1) {
                watch(setup, poll);
            } else if (what == 2) {
                struct signalfd_siginfo information;
                while (read(deaths, &information, sizeof information) > 0)
                    ;
                dead = 1;
            } else if (what == 3) {
                refuse(setup, listener, NULL);
            } else {
                hear(setup, &children[(uint32_t)what], events[i].events, poll);
            }
        }
        if (dead)
            bury(setup, poll);
    }
}
