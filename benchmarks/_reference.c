/* The fused step of detectors/fused.py by hand: limits and unusual values over one row per channel.
 *
 * Scalar, with the same prefetch; rows, figures and level changes lie as in the numpy records, so
 * that both arms of the benchmark end with the same bytes. Compiled by benchmarks/reference.py.
 */
#include <math.h>
#include <stdint.h>

#define AHEAD 24
#define SLOTS 2
#define SCORED 0
#define NEVER INT64_MIN

typedef struct {
    int64_t rules, learned;
    uint8_t level_a, fall_to_a, level_b, fall_to_b, pending, spare[3];
    double mean, variance;
    int64_t gate_since;
    int64_t since[SLOTS][5]; /* four colours, then the fall */
} row_t;

typedef struct {
    double calm_low, calm_high, calm_square, floor_square, band, smoothing, floor;
    int64_t warm_up, relearn_ns, top, days, first, last, offset_ns;
    double low[4], high[4], back, band_back;
    int64_t on_ns[SLOTS], off_ns[SLOTS];
} param_t;

typedef struct {
    int64_t ordinal;
    int32_t row;
    uint8_t rule, was, now;
    int64_t time_ns, onset_ns;
    double observed, expected, low, high, score;
} note_t;

static inline double larger(double a, double b) { return a > b ? a : b; }

static int side(const param_t *p, double value, double back) {
    int worst = 0;
    for (int c = 0; c < 4; c++)
        if (value < p->low[c] + back || value > p->high[c] - back) worst = c + 1;
    return worst;
}

static int advance(int64_t *since, uint8_t *at, int breached, int held, int64_t now, int64_t on,
                   int64_t off) {
    int level = at[0], rung = 0;
    for (int c = 1; c <= 4; c++) {
        if (c > breached) { since[c - 1] = NEVER; continue; }
        if (since[c - 1] == NEVER) since[c - 1] = now;
        if (now - since[c - 1] >= on) rung = c;
    }
    if (rung > level || held >= level) {
        if (rung > level) level = rung;
        since[4] = NEVER;
        at[1] = 0;
    } else {
        if (held > at[1]) at[1] = (uint8_t)held;
        if (since[4] == NEVER) since[4] = now;
        if (now - since[4] >= off) { level = at[1]; since[4] = NEVER; at[1] = 0; }
    }
    at[0] = (uint8_t)level;
    return level;
}

static int64_t ring(row_t *mine, const param_t *p, int64_t place, int32_t row, int64_t now,
                    double value, double score, note_t *notes, int64_t told, int *calm) {
    double mean = NAN, half = NAN;
    int strange = 0, near = 0, rung = 0, waits = 0;
    if (p->warm_up > 0 && mine->learned >= p->warm_up) {
        mean = mine->mean;
        half = p->band * larger(sqrt(mine->variance), p->floor);
        strange = fabs(score) > p->band ? (int)p->top : 0;
        near = fabs(score) > p->band_back ? (int)p->top : strange;
    }
    int beyond = side(p, value, 0.0), held = side(p, value, p->back);
    if (beyond > held) held = beyond;
    for (int slot = 0; slot < SLOTS; slot++) {
        uint8_t *at = slot ? &mine->level_b : &mine->level_a, was = at[0];
        int level = advance(mine->since[slot], at, slot ? strange : beyond, slot ? near : held,
                            now, p->on_ns[slot], p->off_ns[slot]);
        if (level != was) {
            note_t *note = &notes[told++];
            int64_t onset = mine->since[slot][0];
            note->ordinal = place; note->row = row; note->time_ns = now;
            note->rule = (uint8_t)slot; note->was = was; note->now = (uint8_t)level;
            note->onset_ns = onset == NEVER ? now : onset;
            note->observed = value; note->expected = mean;
            note->low = mean - half; note->high = mean + half; note->score = score;
        }
        rung += level;
    }
    for (int slot = 0; slot < SLOTS; slot++)
        for (int c = 0; c < 5; c++) waits |= mine->since[slot][c] != NEVER;
    mine->pending = (uint8_t)waits;
    *calm = rung + beyond + strange == 0;
    return told;
}

/* Reading to go on with; *count is how many notes were written. */
int64_t score_readings(row_t *rows, const param_t *params, const int32_t *row_of,
                       const int64_t *time_of, const double *value_of, const uint8_t *destiny,
                       int64_t first, int64_t last, note_t *notes, int64_t room, int64_t *count) {
    int64_t told = 0, i;
    for (i = first; i < last; i++) {
        if (told + SLOTS > room) break;
        if (i + AHEAD < last) __builtin_prefetch(&rows[row_of[i + AHEAD]], 1, 3);
        if (destiny[i] != SCORED) continue;
        row_t *mine = &rows[(uint32_t)row_of[i]];
        const param_t *p = &params[mine->rules];
        int64_t now = time_of[i];
        double value = value_of[i], off = value - mine->mean, score = NAN;
        int calm = (mine->level_a | mine->level_b | mine->pending) == 0 &&
                   !(value < p->calm_low || value > p->calm_high);
        if (!(calm && off * off < p->calm_square * larger(mine->variance, p->floor_square))) {
            if (p->warm_up > 0 && mine->learned >= p->warm_up)
                score = off / larger(sqrt(mine->variance), p->floor);
            calm = calm && !(fabs(score) > p->band);
        }
        if (!calm) told = ring(mine, p, i, row_of[i], now, value, score, notes, told, &calm);
        if (p->warm_up <= 0) continue;
        if (calm) {
            mine->gate_since = NEVER;
        } else {
            if (mine->gate_since == NEVER) mine->gate_since = now;
            if (now - mine->gate_since < p->relearn_ns) continue;
        }
        if (mine->learned == 0) {
            mine->mean = value;
            mine->variance = 0.0;
        } else {
            mine->mean += p->smoothing * off;
            mine->variance = (1.0 - p->smoothing) * (mine->variance + p->smoothing * off * off);
        }
        mine->learned++;
    }
    *count = told;
    return i;
}
