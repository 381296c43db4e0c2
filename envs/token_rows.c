/* The step of Token episodes and their observations, row by row: what rows.py, lexer.py, features.py and
   observations.py do with numpy, bit for bit. Everything here belongs to arrays of theirs. */

#include <stdint.h>
#include <string.h>

enum { FEATURES = 80, PHASE = 12, TOKENS = 48, SIGNS = 8, PLACES = 7, AHEAD = 8, SHORT = 16 };

typedef struct {
    int64_t rows, window, size, eos;
    /* [rows], but for the last three: [rows, window], [rows, window], [rows, FEATURES] */
    int64_t *used, *lengths, *written;
    float *budgets;
    int32_t *tokens;
    int8_t *attention;
    float *features;
    /* the reader: [PLACES, rows] mode, indent, three kinds of brackets, blank, lines; and its tables */
    int32_t *place;
    const uint8_t *after;
    const int8_t *brackets;
    const int16_t *newlines, *lead;
    const uint8_t *blank;
    const float *signs;      /* [size, SIGNS] */
    const float *mode_flags; /* [3, modes] */
    int64_t modes;
    const double *scale; /* [6] of indent, brackets, blank, lines */
    const int32_t *least, *most;
} Shown;

typedef struct {
    int64_t *ids; /* [rows, width] */
    int64_t width;
    int64_t *used, *budgets;
    uint8_t *ended;
} Episodes;

/* Rows at which episodes can begin: see beginnings.py, whose columns these are. */
typedef struct {
    const int64_t *lengths, *written;
    const int32_t *tokens, *places; /* [entries, window], [entries, PLACES] */
    const float *features;          /* [entries, FEATURES] */
} Beginnings;

static void read_token(const Shown *shown, int64_t row, int64_t token)
{
    int32_t *place = shown->place + row;
    const int64_t rows = shown->rows, tables = shown->modes * shown->size;
    const int64_t at = place[0] * shown->size + token;
    const int32_t newlines = shown->newlines[token], lead = shown->lead[token], blank = place[5 * rows];
    place[0] = shown->after[at];
    for (int kind = 0; kind < 3; kind++)
        place[(2 + kind) * rows] += shown->brackets[kind * tables + at];
    place[6 * rows] += newlines;
    place[rows] = newlines > 0 ? lead : place[rows] + lead * blank;
    place[5 * rows] = (blank | (newlines > 0)) & shown->blank[token];
}

static void show_token(const Shown *shown, int64_t row, int64_t token)
{
    if (shown->window) {
        int32_t *tokens = shown->tokens + row * shown->window;
        const int64_t length = shown->lengths[row];
        if (length < shown->window) {
            tokens[length] = (int32_t)token;
            shown->attention[row * shown->window + length] = 1;
        } else {
            memmove(tokens, tokens + 1, (shown->window - 1) * sizeof *tokens);
            tokens[shown->window - 1] = (int32_t)token;
        }
        shown->lengths[row] = length + 1;
    }
    float *last = shown->features + row * FEATURES + TOKENS, kept[FEATURES - TOKENS - SIGNS];
    memcpy(kept, last, sizeof kept); /* two copies of constant size: a move would be a call */
    memcpy(last + SIGNS, kept, sizeof kept);
    memcpy(last, shown->signs + token * SIGNS, SIGNS * sizeof *last);
    shown->written[row]++;
}

/* Each row is in other cache lines than the last: ask for them before they are needed. */
static void fetch(const Shown *shown, const Episodes *episodes, int64_t row, int64_t token)
{
#ifdef __GNUC__
    const int64_t at = row * shown->window + shown->lengths[row];
    __builtin_prefetch(episodes->ids + row * episodes->width + episodes->used[row], 1);
    __builtin_prefetch(shown->features + row * FEATURES + TOKENS, 1);
    __builtin_prefetch(shown->features + row * FEATURES + TOKENS + 16, 1);
    if (token >= 0 && token < shown->size) { /* a row that rests may hold anything */
        const int64_t entry = shown->place[row] * shown->size + token, tables = shown->modes * shown->size;
        __builtin_prefetch(shown->signs + token * SIGNS);
        __builtin_prefetch(shown->after + entry);
        for (int kind = 0; kind < 3; kind++)
            __builtin_prefetch(shown->brackets + kind * tables + entry);
    }
    if (shown->window && shown->lengths[row] < shown->window) {
        __builtin_prefetch(shown->tokens + at, 1);
        __builtin_prefetch(shown->attention + at, 1);
    }
#else
    (void)shown, (void)episodes, (void)row, (void)token;
#endif
}

/* Do one action in every row that does not rest, and say which of them are done.
   Returns -1; or the first row whose action is no token, and then nothing has changed. */
int64_t codegym_step(const Shown *shown, const Episodes *episodes, const int64_t *actions, const uint8_t *resting,
                     uint8_t *done)
{
    for (int64_t row = 0; row < shown->rows; row++)
        if (!resting[row] && (actions[row] < 0 || actions[row] >= shown->size))
            return row;
    for (int64_t row = 0; row < shown->rows; row++) {
        done[row] = 0;
        if (row + AHEAD < shown->rows)
            fetch(shown, episodes, row + AHEAD, actions[row + AHEAD]);
        if (resting[row])
            continue;
        const int64_t token = actions[row], used = episodes->used[row]++;
        episodes->ids[row * episodes->width + used] = token;
        episodes->ended[row] = token == shown->eos;
        done[row] = token == shown->eos || used + 1 >= episodes->budgets[row];
        shown->used[row] = used + 1;
        read_token(shown, row, token);
        if (token != shown->eos)
            show_token(shown, row, token);
    }
    return -1;
}

/* Begin episodes in some rows, each at a row of the table. */
void codegym_begin(const Shown *shown, const Beginnings *table, const int64_t *chosen, const int64_t *numbers,
                   int64_t count)
{
    const int64_t window = shown->window;
    for (int64_t n = 0; n < count; n++) {
        const int64_t row = chosen[n], from = numbers[n];
        shown->written[row] = table->written[from];
        for (int64_t i = 0; i < PLACES; i++)
            shown->place[i * shown->rows + row] = table->places[from * PLACES + i];
        memcpy(shown->features + row * FEATURES, table->features + from * FEATURES, FEATURES * sizeof(float));
        if (!window)
            continue;
        const int64_t before = shown->lengths[row] < window ? shown->lengths[row] : window;
        const int64_t length = table->lengths[from] < window ? table->lengths[from] : window;
        const int64_t left = before > length ? before - length : 0;
        int32_t *tokens = shown->tokens + row * window;
        int8_t *attention = shown->attention + row * window;
        shown->lengths[row] = table->lengths[from];
        memcpy(tokens, table->tokens + from * window, length * sizeof *tokens);
        memset(tokens + length, 0, left * sizeof *tokens);
        memset(attention, 1, length);
        memset(attention + length, 0, left);
    }
}

/* Gather the ids of some episodes, one after the other, and the bytes that they spell; `ends` says where in the bytes
   each episode ends. `spelled` and `bytes` have SHORT bytes behind what they hold. */
void codegym_spell(const Episodes *episodes, const int64_t *chosen, int64_t count, const uint8_t *spelled,
                   const int64_t *offsets, int32_t *ids, uint8_t *bytes, int64_t *ends)
{
    int64_t at = 0;
    for (int64_t n = 0; n < count; n++) {
        const int64_t *from = episodes->ids + chosen[n] * episodes->width;
        const int64_t used = episodes->used[chosen[n]];
        for (int64_t i = 0; i < used; i++) {
            const int64_t token = from[i], size = offsets[token + 1] - offsets[token];
            *ids++ = (int32_t)token;
            if (size <= SHORT) /* a copy of constant size is one instruction; there is room behind either end */
                memcpy(bytes + at, spelled + offsets[token], SHORT);
            else
                memcpy(bytes + at, spelled + offsets[token], size);
            at += size;
        }
        ends[n] = at;
    }
}

static double within(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static void place_features(const Shown *shown, int64_t row)
{
    float *features = shown->features + row * FEATURES;
    const int32_t *place = shown->place + row;
    const int64_t rows = shown->rows, written = shown->written[row];
    double share = (double)shown->used[row] / (double)shown->budgets[row];
    if (share > 1.0)
        share = 1.0;
    features[0] = (float)share;
    features[1] = (float)(1.0 - share);
    for (int n = 0; n < 6; n++) {
        const double count = within(place[(1 + n) * rows], shown->least[n], shown->most[n]);
        features[n < 4 ? 2 + n : 5 + n] = (float)(count * shown->scale[n]);
    }
    for (int n = 0; n < 3; n++)
        features[6 + n] = shown->mode_flags[n * shown->modes + place[0]];
    features[11] = (float)((written < 512 ? written : 512) * (1.0 / 512));
}

/* Write the observations of some rows (all of them where `chosen` is null) into arrays of `count` rows. */
void codegym_observe(const Shown *shown, const int64_t *chosen, int64_t count, int64_t *tokens, int8_t *attention,
                     float *features)
{
    const int64_t window = shown->window;
    for (int64_t n = 0; n < count; n++) {
        const int64_t row = chosen ? chosen[n] : n;
        place_features(shown, row);
        memcpy(features + n * FEATURES, shown->features + row * FEATURES, FEATURES * sizeof *features);
        if (!window)
            continue;
        const int32_t *from = shown->tokens + row * window;
        int64_t *to = tokens + n * window;
        const int64_t length = shown->lengths[row] < window ? shown->lengths[row] : window;
        for (int64_t i = 0; i < length; i++)
            to[i] = from[i];
        memset(to + length, 0, (window - length) * sizeof *to);
        memset(attention + n * window, 1, length);
        memset(attention + n * window + length, 0, window - length);
    }
}
