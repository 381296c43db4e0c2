"""The fork server that runs programs, and the messages between it, its children and the judge.

Started once as `python -I -c ...` (never forked from the trainer); the sources of the modules it needs are handed to it
on the control socket, under their own names (`codegym.envs.execution.codec`, `isolation`, `coverage`, `candidate`,
`referee`): those modules import the standard library and each other, nothing else. Numpy only in the numpy profile.

    judge ---- control socket ---- zygote            one per core and profile; sees neither programs nor tests
      |                              | fork ahead
      +------ fresh channel ------ child             one per program: a candidate; or a referee (never both)

The order in the zygote: /dev/null on 0, 1, 2; import the standard library; `isolation.enter_zygote(layers)` (namespaces,
Landlock, capabilities, no_new_privs; may fork itself into a pid namespace, the caller goes on in the init);
in the numpy profile, numpy; `gc.freeze()`; serve. In each child, right after the fork and before any byte from
the judge is read: close everything but the channel, then `isolation.enter_child()` (seccomp, static rlimits). The child then waits, jailed, for its
first message: seccomp must leave it recvmsg, sendmsg, read, write, sendto/sendmsg on what it holds, mmap, munmap, close, dup2/dup3,
fcntl and prlimit64 of itself (the limits of memory, CPU and descriptors come with the job), and nothing else that a pure
Python program does not need; never a new process. A program on standard input gets one such child per test.

Frames
    A channel is a SOCK_STREAM socket pair: frames of 4 bytes little-endian length and one `codec` value, a list that
    begins with its kind. In the control socket (SOCK_SEQPACKET) one packet is one such value. Both ends bound the length.

Control: judge to zygote
    ["fork", [number, ...]]     as many descriptors are attached (SCM_RIGHTS): the children's ends of their channels
    ["kill", number]            SIGKILL through the pidfd; answered by "exit" as every death
Control: zygote to judge
    ["ready", report]           once: what `isolation.enter_zygote` said about each layer
    ["exit", number, status, cpu_seconds, max_rss_kb, descendants]    a child is gone, and whatever it had started
                                (`status` as of waitpid; `descendants` counts the processes that had to be killed)

Candidate: judge to child (program text and inputs; never an expected value, a test's source or a verdict)
    ["run", options, source, calls]   attached: a memfd for coverage if options["coverage"], see coverage.py
        options: entry, name (`__name__`), usual_imports, memory (bytes), cpu (seconds), output (bytes), seed, coverage,
                 serve (stay after the answers)
        calls:   [[function, args, kwargs, want_args], ...]; function is a name, or "Class.method" of a fresh instance;
                 want_args asks for the arguments back as they are after the call
    ["call", function, args, kwargs, want_args]   one more call (only if serve)
    ["op", operation, handle, operands]           an operation on an object that stayed here (only if serve)
        "iter" []             -> a handle of an iterator        "next" []        -> value, or ["stop"]
        "len" []              -> int                            "index" [key]    -> value
        "attribute" [name]    -> value                          "set_attribute" [name, value]
        "call" [args, kwargs] -> value                          "contains" [x]   -> bool
        "binary" [name, x, reflected] -> value, name of a function of `operator` ("eq", "lt", "add", ...); x may be a handle
        "unary" [name]        -> value: "str", "repr", "hash", "bool", "int", "float", "neg", "abs", "reversed"
        "isinstance" [name]   -> bool, by the names of the classes in the type's mro
        "name" [global name]  -> value; the handle is 0: a global of the program (also a class, as a handle)
        "drop" []             -> None
    ["stdio", options, source]                    one run of the whole program; attached: the memfd for coverage if asked,
                                                  the sealed memfd of standard input, the write end of a pipe for output
Candidate: child to judge
    ["statements", [start, end, start, end, ...]] only with coverage, before any code of the program runs
    answer, answer, ...                           to "run": one frame per call, in order, as they come
    answer (to "call" and "op" too, as the frame itself):
        ["value", value]                          plain, or {"handle": ...} for anything that is not
        ["value", value, args, kwargs]            with want_args
        ["error", type name, message, mro]        the call raised; mro: names of the type's bases, up to BaseException
        ["stop"]                                  StopIteration of "next"
        ["large", message]                        the value is beyond the codec's bounds
    ["failed", stage, type name, message]         stage "compile" or "load": instead of answers; for stdio also "run"

Referee: judge to child. `task` is opaque to the judge but for its kind; referee.py is its only reader and writer
    ["referee", task]           a new task; a referee serves tasks one after the other until its channel is closed.
                                task["answers"] further frames follow it at once: the candidate's answers, verbatim and
                                each in its own frame, because they are hostile bytes
    an answer                   to a "call" or "op", verbatim; ["gone"] if the candidate is dead: the test ends with "ABSENT"
Referee: child to judge
    ["call", ...] or ["op", ...]   a live question, relayed to the candidate verbatim; at most `MAX_OPERATIONS` a task
    ["verdict", verdict, message, extra]   ends the task. verdict: "PASS", "WRONG", "ERROR" (with the exception's type in message),
                                ...; extra: the recorded calls of a recording task (a list of `calls` as in "run"), else None
    Tasks: {"kind": "record" | "replay" | "live", "source", "setup", "prelude", "entry", "calls", "answers"};
    in "replay" `calls` is what was asked for and `answers` how many answers follow (fewer than calls where the candidate
    died on the way: the test ends with verdict "ABSENT" when it needs the first missing one, and the judge says why the
    candidate died); a call that differs from the next recorded one is asked live.

What the referee gets from the candidate is bytes for `codec.decode`; what it returns is bytes for it too. In the referee
`codec.decode(data, resolve=...)` turns handles into stand-ins, and encoding a stand-in writes its handle back.
"""
