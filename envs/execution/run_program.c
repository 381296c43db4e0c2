/* What candidate.run does with a program that answers plain calls with plain values, without running Python for it.
 *
 * Optional, as fork_server.c is, and for the same reason: every page that a child writes to is copied, and the Python
 * code of candidate.py writes to two hundred. Whatever is not plain (an exception, an object, a class, coverage) is left
 * to candidate.py, through a candidate.Rest; what this file does, it does as candidate.py and codec.py do it.
 *
 * Hostile ground, as all of a child: nothing that is said from here is believed (see judge.py).
 * No Python.h: only functions of CPython's interface that are the same in all versions, found when this is loaded.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

void nursery_fill(void); /* nursery.c */

typedef struct object Object;
typedef intptr_t Size;

extern Object PyBool_Type, PyLong_Type, PyFloat_Type, PyUnicode_Type, PyList_Type, PyTuple_Type, PyDict_Type, PySet_Type;
extern Object _Py_NoneStruct, _Py_TrueStruct;
extern Object *PyExc_SyntaxError, *PyExc_ValueError, *PyExc_OverflowError, *PyExc_RecursionError, *PyExc_MemoryError;

extern void Py_DecRef(Object *);
extern Object *PyObject_Type(Object *);
extern Object *PyMarshal_ReadObjectFromString(const char *, Size);
extern Object *PyTuple_GetItem(Object *, Size), *PyList_GetItem(Object *, Size), *PyList_AsTuple(Object *);
extern Size PyTuple_Size(Object *), PyList_Size(Object *), PyDict_Size(Object *);
extern int PyDict_Next(Object *, Size *, Object **, Object **), PyDict_SetItemString(Object *, const char *, Object *);
extern Object *PyDict_GetItem(Object *, Object *);
extern const char *PyUnicode_AsUTF8AndSize(Object *, Size *);
extern long long PyLong_AsLongLongAndOverflow(Object *, int *);
extern double PyFloat_AsDouble(Object *);
extern char *PyOS_double_to_string(double, char, int, int, int *);
extern void *PyMem_Realloc(void *, size_t), PyMem_Free(void *);
extern Object *PyModule_GetDict(Object *), *PyLong_FromUnsignedLongLong(unsigned long long);
extern Object *PyUnicode_DecodeUTF8(const char *, Size, const char *);
extern int PyObject_SetAttrString(Object *, const char *, Object *);
extern Object *PyEval_EvalCode(Object *, Object *, Object *);
extern Object *PyObject_Call(Object *, Object *, Object *), *PyObject_CallFunctionObjArgs(Object *, ...);
extern Object *PyObject_GetIter(Object *), *PyIter_Next(Object *);
extern int PyErr_ExceptionMatches(Object *), PyException_SetTraceback(Object *, Object *);
extern void PyErr_Fetch(Object **, Object **, Object **), PyErr_NormalizeException(Object **, Object **, Object **);
extern void PyErr_Clear(void);

enum { CHANNEL = 3, MOST_DEPTH = 100, MOST_ITEMS = 1 << 18, MOST_FILES = 32, MORE_SECONDS = 2 };

/* Made by zygote.py before the first fork; borrowed references that live as long as the process. */
struct runner {
    Object *fail, *error, *answer, *call; /* the methods of a candidate.Rest */
    Object *compiling, *loading; /* the stages "compile" and "load" */
    Object *compile;           /* the builtin, and its arguments after the source */
    Object *file_name, *exec, *zero, *yes;
    Object *module, *builtins_with_usual;
    Object *seed, *generator;  /* _random.Random.seed and the instance behind the functions of `random` */
    Object *sink;              /* candidate._sink, where what a program prints goes */
    Object *room;              /* how much that is already */
    Object *record, *turn;     /* methods of the candidate.Rest: compile so that statements are recorded; into this row */
};

struct head {                  /* control.CALLS */
    char tag;
    uint8_t usual_imports;
    uint16_t zero;
    uint32_t calls, source, record;
    uint64_t memory, output, seed;
    double seconds;
} __attribute__((packed));

/* Plain values as codec.encode writes them */

struct text { char *start; size_t length, room; int items; };

static int put(struct text *text, const char *data, size_t size)
{
    if (text->length + size > text->room) {
        size_t room = 2 * (text->length + size);
        char *larger = PyMem_Realloc(text->start, room);
        if (!larger)
            return 0;
        text->start = larger;
        text->room = room;
    }
    memcpy(text->start + text->length, data, size);
    text->length += size;
    return 1;
}

#define PUT(text, literal) put(text, literal, sizeof literal - 1)

static int put_string(struct text *text, Object *value)
{
    Size size, from = 0;
    const unsigned char *data = (const unsigned char *)PyUnicode_AsUTF8AndSize(value, &size);
    if (!data) { /* half a surrogate pair */
        PyErr_Clear();
        return 0;
    }
    if (!PUT(text, "\""))
        return 0;
    for (Size i = 0; i < size; i++) {
        unsigned char c = data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        static const char digits[] = "0123456789abcdef";
        char escape[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
        size_t length = 2;
        switch (c) {
        case '"': case '\\': escape[1] = c; break;
        case '\n': escape[1] = 'n'; break;
        case '\r': escape[1] = 'r'; break;
        case '\t': escape[1] = 't'; break;
        case '\f': escape[1] = 'f'; break;
        case '\b': escape[1] = 'b'; break;
        default: length = 6;
        }
        if (!put(text, (const char *)data + from, i - from) || !put(text, escape, length))
            return 0;
        from = i + 1;
    }
    return put(text, (const char *)data + from, size - from) && PUT(text, "\"");
}

static int put_integer(struct text *text, Object *value)
{
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    char digits[24], *place = digits + sizeof digits;
    unsigned long long left = number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
    if (overflow)
        return 0;
    do
        *--place = '0' + left % 10;
    while (left /= 10);
    if (number < 0)
        *--place = '-';
    return put(text, place, digits + sizeof digits - place);
}

static int put_float(struct text *text, Object *value)
{
    double number = PyFloat_AsDouble(value);
    if (number != number)
        return PUT(text, "NaN");
    if (number - number != 0)
        return number > 0 ? PUT(text, "Infinity") : PUT(text, "-Infinity");
    char *digits = PyOS_double_to_string(number, 'r', 0, 2 /* Py_DTSF_ADD_DOT_0 */, NULL);
    int fits = digits && put(text, digits, strlen(digits));
    PyMem_Free(digits);
    return fits;
}

static int put_value(struct text *text, Object *value, int depth);

static int put_items(struct text *text, Object *values, Size count, Object *(*item)(Object *, Size), int depth)
{
    int fits = PUT(text, "[");
    for (Size i = 0; i < count && fits; i++)
        fits = (!i || PUT(text, ",")) && put_value(text, item(values, i), depth + 1);
    return fits && PUT(text, "]");
}

static int put_dict(struct text *text, Object *values, int depth)
{
    Size place = 0;
    Object *key, *value;
    int first = 1, fits = PUT(text, "{\"dict\":[");
    while (fits && PyDict_Next(values, &place, &key, &value)) {
        fits = (first || PUT(text, ",")) && put_value(text, key, depth + 1) && PUT(text, ",")
               && put_value(text, value, depth + 1);
        first = 0;
    }
    return fits && PUT(text, "]}");
}

static int put_set(struct text *text, Object *values, int depth)
{
    Object *items = PyObject_GetIter(values), *item;
    int first = 1, fits = items && PUT(text, "{\"set\":[");
    while (fits && (item = PyIter_Next(items))) {
        fits = (first || PUT(text, ",")) && put_value(text, item, depth + 1);
        Py_DecRef(item);
        first = 0;
    }
    if (items)
        Py_DecRef(items);
    return fits && PUT(text, "]}");
}

/* Returns whether the value is plain, and not too large to be written here. */
static int put_value(struct text *text, Object *value, int depth)
{
    Object *kind = PyObject_Type(value);
    Py_DecRef(kind); /* it lives as long as the value */
    if (++text->items > MOST_ITEMS)
        return 0;
    if (kind == &PyUnicode_Type)
        return put_string(text, value);
    if (kind == &PyLong_Type)
        return put_integer(text, value);
    if (kind == &PyFloat_Type)
        return put_float(text, value);
    if (kind == &PyBool_Type)
        return value == &_Py_TrueStruct ? PUT(text, "true") : PUT(text, "false");
    if (value == &_Py_NoneStruct)
        return PUT(text, "null");
    if (depth >= MOST_DEPTH)
        return 0;
    if (kind == &PyList_Type)
        return put_items(text, value, PyList_Size(value), PyList_GetItem, depth);
    if (kind == &PyTuple_Type)
        return PUT(text, "{\"tuple\":") && put_items(text, value, PyTuple_Size(value), PyTuple_GetItem, depth)
               && PUT(text, "}");
    if (kind == &PyDict_Type)
        return put_dict(text, value, depth);
    if (kind == &PySet_Type)
        return put_set(text, value, depth);
    return 0;
}

/* For tests: the bytes of a value by this file, as a C string to be freed by codegym_forget; NULL: not plain. */
char *codegym_written(Object *value)
{
    struct text text = { 0 };
    if (put_value(&text, value, 0) && put(&text, "", 1))
        return text.start;
    PyMem_Free(text.start);
    return NULL;
}

void codegym_forget(char *written)
{
    PyMem_Free(written);
}

/* A program */

static void limit(int resource, uint64_t value)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0)
        _exit(1);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < value)
        value = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max = value;
    if (setrlimit(resource, &limit) < 0)
        _exit(1);
}

static Object *checked(Object *made)
{
    if (!made)
        _exit(1);
    return made;
}

/* The exception that is being raised, with its traceback. */
static Object *raised(void)
{
    Object *kind, *error, *trace;
    PyErr_Fetch(&kind, &error, &trace);
    PyErr_NormalizeException(&kind, &error, &trace);
    if (trace && error)
        PyException_SetTraceback(error, trace);
    return checked(error);
}

struct program { const struct runner *runner; Object *names, *output; struct text text; uint64_t most; };

/* Let Python do it; the parts end with NULL. */
static void leave(struct program *program, Object *to, Object *first, Object *second, Object *third, Object *fourth)
{
    Object *done = PyObject_CallFunctionObjArgs(to, program->output, first, second, third, fourth, NULL);
    Py_DecRef(checked(done));
}

static void send_all(const char *data, size_t size)
{
    while (size) {
        ssize_t sent = send(CHANNEL, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            _exit(1);
        if (sent > 0) {
            data += sent;
            size -= sent;
        }
    }
}

static void answer(struct program *program, Object *value, Object *arguments, Object *keywords)
{
    struct text *text = &program->text;
    uint32_t length = 0;
    text->length = text->items = 0;
    int plain = put(text, (char *)&length, sizeof length) && PUT(text, "[\"value\",") && put_value(text, value, 1);
    if (plain && arguments)
        plain = PUT(text, ",") && put_value(text, arguments, 1) && PUT(text, ",") && put_value(text, keywords, 1);
    if (plain && PUT(text, "]") && text->length <= program->most) {
        length = text->length - sizeof length;
        memcpy(text->start, &length, sizeof length);
        send_all(text->start, text->length);
    } else {
        PyErr_Clear();
        leave(program, program->runner->answer, value, arguments, arguments ? keywords : NULL, NULL);
    }
}

static void answer_call(struct program *program, const char *packed, Size length)
{
    Object *call = checked(PyMarshal_ReadObjectFromString(packed, length));
    Object *name = PyTuple_GetItem(call, 0), *arguments = PyTuple_GetItem(call, 1), *keywords = PyTuple_GetItem(call, 2);
    int wants_arguments = PyTuple_GetItem(call, 3) == &_Py_TrueStruct;
    Object *function = PyDict_GetItem(program->names, name);
    if (!function) { /* a method, or a name that is missing */
        leave(program, program->runner->call, name, arguments, keywords, PyTuple_GetItem(call, 3));
        Py_DecRef(call);
        return;
    }
    Object *given = checked(PyList_AsTuple(arguments));
    Object *value = PyObject_Call(function, given, PyDict_Size(keywords) ? keywords : NULL);
    Py_DecRef(given);
    if (value) {
        answer(program, value, wants_arguments ? arguments : NULL, keywords);
        Py_DecRef(value);
    } else {
        Object *error = raised();
        leave(program, program->runner->error, error, NULL, NULL, NULL);
        Py_DecRef(error);
    }
    Py_DecRef(call);
}

static Object *compiled(const struct runner *runner, Object *source, const char *record, Size length, int memory)
{
    if (!length)
        return PyObject_CallFunctionObjArgs(runner->compile, source, runner->file_name, runner->exec, runner->zero,
                                            runner->yes, NULL);
    return PyObject_CallFunctionObjArgs(runner->record, checked(PyMarshal_ReadObjectFromString(record, length)),
                                        checked(PyLong_FromUnsignedLongLong(memory)), source, NULL);
}

static void turn(const struct runner *runner, uint32_t row)
{
    Object *number = checked(PyLong_FromUnsignedLongLong(row));
    Py_DecRef(checked(PyObject_CallFunctionObjArgs(runner->turn, number, NULL)));
    Py_DecRef(number);
}

/* Run the program of a first message and answer its calls, to the end of the process; returns where it is another kind
 * of message. What the interpreter needs besides has been made before the fork (candidate.Rest.prepare).
 * descriptors: what came with the message; memory: the first of them. */
void codegym_run(const struct runner *runner, const char *frame, size_t length, int descriptors, int memory)
{
    const struct head *head = (const struct head *)frame;
    if (length < sizeof *head || head->tag != 'C' || descriptors != (head->record > 0))
        return;
    nursery_fill();
    limit(RLIMIT_NOFILE, MOST_FILES);
    limit(RLIMIT_CPU, (uint64_t)head->seconds + MORE_SECONDS);
    limit(RLIMIT_AS, head->memory);
    struct program program = { runner, PyModule_GetDict(runner->module), PyLong_FromUnsignedLongLong(head->output),
                               { 0 }, head->output };
    Object *names = program.names, *seed = PyLong_FromUnsignedLongLong(head->seed);
    int overflow;
    if ((PyLong_AsLongLongAndOverflow(runner->room, &overflow) != (long long)head->output
         && PyObject_SetAttrString(runner->sink, "room", checked(program.output)) < 0)
        || (head->usual_imports && PyDict_SetItemString(names, "__builtins__", runner->builtins_with_usual) < 0))
        _exit(1);
    Py_DecRef(checked(PyObject_CallFunctionObjArgs(runner->seed, runner->generator, checked(seed), NULL)));
    frame += sizeof *head;
    Object *source = checked(PyUnicode_DecodeUTF8(frame, head->source, "surrogatepass"));
    frame += head->source;
    Object *code = compiled(runner, source, frame, head->record, memory);
    if (!code) {
        if (!PyErr_ExceptionMatches(PyExc_SyntaxError) && !PyErr_ExceptionMatches(PyExc_ValueError)
            && !PyErr_ExceptionMatches(PyExc_OverflowError) && !PyErr_ExceptionMatches(PyExc_RecursionError)
            && !PyErr_ExceptionMatches(PyExc_MemoryError))
            _exit(1);
        leave(&program, runner->fail, runner->compiling, raised(), NULL, NULL);
        _exit(0);
    }
    if (!PyEval_EvalCode(code, names, names)) {
        leave(&program, runner->fail, runner->loading, raised(), NULL, NULL);
        _exit(0);
    }
    frame += head->record;
    for (uint32_t i = 0, size; i < head->calls; i++, frame += size) {
        memcpy(&size, frame, sizeof size);
        frame += sizeof size;
        if (head->record)
            turn(runner, i + 1);
        answer_call(&program, frame, size);
    }
    _exit(0);
}
