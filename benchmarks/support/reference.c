/* The fused step of detectors/fused.py by hand: limits, unusual values with sums, frozen values.
 *
 * Twice: scalar, with the same prefetch, and eight readings at a time where the CPU has AVX-512
 * (rows transposed in registers; eight readings of which two are of one channel, or one is not
 * calm, go through the scalar step). Rows, figures and level changes lie as in the numpy records,
 * so that all arms of the benchmark end with the same bytes. Compiled by benchmarks/_reference.py.
 */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#define AHEAD 24
#define SLOTS 3
#define SCORED 0
#define NEVER INT64_MIN
#define CLIP 5.0

typedef struct {
    uint32_t rules, learned;
    uint8_t limit_level, limit_fall_to, unusual_level, frozen_level, busy, spare;
    uint16_t run;
    double mean, variance, up, down, first;
    int64_t run_since;
} row_t;

typedef struct {
    int64_t gate_since, since[4], fall, unusual_wait, frozen_wait;
} wait_t;

typedef struct {
    double calm_low, calm_high;
    int64_t warm_up;
    double smoothing, band, floor, calm_square, floor_square, k, h;
    int64_t after_ns;
    double resolution, rest;
    int64_t least, days, first, last, offset_ns, relearn_ns, unusual_top, frozen_top;
    double low[4], high[4], back, band_back;
    int64_t limit_on_ns, limit_off_ns, unusual_on_ns, unusual_off_ns, frozen_off_ns;
    int64_t limit_waits[4];
} param_t;

typedef struct {
    int64_t ordinal;
    int32_t row;
    uint8_t rule, was, now;
    int64_t time_ns, onset_ns;
    double observed, expected, low, high, score;
} note_t;

typedef struct {
    row_t *rows;
    wait_t *waits;
    const param_t *params;
    const int32_t *row_of;
    const int64_t *time_of;
    const double *value_of;
    const uint8_t *destiny;
    note_t *notes;
    int64_t told;
} work_t;

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

static int advance_one(int64_t *wait, int level, int breached, int held, int64_t now, int64_t on,
                       int64_t off) {
    int64_t since = *wait == NEVER ? now : *wait;
    *wait = NEVER;
    if (level == 0) {
        if (breached == 0) return 0;
        if (now - since >= on) return breached;
        *wait = since;
        return 0;
    }
    if (held > 0) return held;
    if (now - since >= off) return 0;
    *wait = since;
    return level;
}

static void tell(work_t *w, int64_t i, int slot, int was, int now, int64_t onset, double mean,
                 double half, double score) {
    if (now == was) return;
    note_t *note = &w->notes[w->told++];
    note->ordinal = i; note->row = w->row_of[i]; note->time_ns = w->time_of[i];
    note->rule = (uint8_t)slot; note->was = (uint8_t)was; note->now = (uint8_t)now;
    note->onset_ns = onset == NEVER ? note->time_ns : onset;
    note->observed = w->value_of[i]; note->expected = mean;
    note->low = mean - half; note->high = mean + half; note->score = score;
}

/* Whether the reading is learned. */
static __attribute__((noinline)) int ring(work_t *w, int64_t i, const param_t *p, double total,
                                          int stands) {
    row_t *mine = &w->rows[w->row_of[i]];
    wait_t *wait = &w->waits[w->row_of[i]];
    int64_t now = w->time_of[i], since;
    double value = w->value_of[i], mean = NAN, sigma = NAN;
    if (mine->learned >= p->warm_up) {
        mean = mine->mean;
        sigma = larger(sqrt(mine->variance), p->floor);
    }
    double score = (value - mean) / sigma;
    int breached = side(p, value, 0.0), held = side(p, value, p->back), was = mine->limit_level;
    if (breached > held) held = breached;
    int level = advance(wait->since, &mine->limit_level, breached, held, now, p->limit_on_ns,
                        p->limit_off_ns);
    tell(w, i, 0, was, level, wait->since[0], mean, p->band * sigma, score);

    int beyond = fabs(score) > p->band, strange = beyond || total != 0.0;
    int near = strange || fabs(score) > p->band_back, top = (int)p->unusual_top;
    was = mine->unusual_level;
    since = was ? NEVER : wait->unusual_wait;
    mine->unusual_level = (uint8_t)advance_one(
        &wait->unusual_wait, was, strange ? top : 0, near ? top : 0, now,
        total != 0.0 ? 0 : p->unusual_on_ns, p->unusual_off_ns);
    int summed = total != 0.0 && !beyond;
    tell(w, i, 1, was, mine->unusual_level, since, mean, (summed ? p->k : p->band) * sigma,
         summed ? total : score);

    top = stands ? (int)p->frozen_top : 0;
    was = mine->frozen_level;
    mine->frozen_level =
        (uint8_t)advance_one(&wait->frozen_wait, was, top, top, now, 0, p->frozen_off_ns);
    tell(w, i, 3, was, mine->frozen_level, was ? NEVER : mine->run_since, NAN, NAN, mine->run);
    if (mine->frozen_level < was) mine->run_since = now;

    int calm = !(level || mine->unusual_level || mine->frozen_level || breached || strange ||
                 stands);
    if (calm || p->smoothing == 0.0) wait->gate_since = NEVER; /* nothing learned, no gate */
    else if (wait->gate_since == NEVER) wait->gate_since = now;
    int64_t *words = &wait->gate_since;
    mine->busy = level || mine->unusual_level || mine->frozen_level;
    for (int word = 0; word < 8; word++) mine->busy |= words[word] != NEVER;
    return calm || now - wait->gate_since >= p->relearn_ns;
}

static inline void step(work_t *w, int64_t i) {
    if (w->destiny[i] != SCORED) return;
    row_t *mine = &w->rows[(uint32_t)w->row_of[i]];
    const param_t *p = &w->params[mine->rules];
    int64_t now = w->time_of[i];
    double value = w->value_of[i], off = value - mine->mean, score = NAN, total = 0.0;
    if (mine->learned >= p->warm_up) {
        if (p->h > 0.0) {
            score = off / larger(sqrt(mine->variance), p->floor);
            double z = score < -CLIP ? -CLIP : score;
            z = z > CLIP ? CLIP : z;
            double up = mine->up + z - p->k, down = mine->down - z - p->k;
            mine->up = larger(up, 0.0);
            mine->down = larger(down, 0.0);
            if (up > p->h || down > p->h) {
                total = up >= down ? up : -down;
                mine->up = mine->down = 0.0;
            }
        } else if (!(off * off < p->calm_square * larger(mine->variance, p->floor_square))) {
            score = off / larger(sqrt(mine->variance), p->floor);
        }
    }
    int stands = 0;
    if (p->after_ns > 0) {
        if (fabs(value - mine->first) <= p->resolution) {
            if (mine->run < UINT16_MAX) mine->run++;
            stands = mine->run >= p->least && now - mine->run_since >= p->after_ns &&
                     !(fabs(mine->first - p->rest) <= p->resolution);
        } else {
            mine->first = value;
            mine->run = 1;
            mine->run_since = now;
        }
    }
    int learns = p->smoothing > 0.0;
    if (mine->busy || stands || total != 0.0 || value < p->calm_low || value > p->calm_high ||
        fabs(score) > p->band)
        learns = ring(w, i, p, total, stands) && learns;
    if (!learns) return;
    if (mine->learned == 0) {
        mine->mean = value;
        mine->variance = 0.0;
    } else {
        mine->mean += p->smoothing * off;
        mine->variance = (1.0 - p->smoothing) * (mine->variance + p->smoothing * off * off);
    }
    if (mine->learned < UINT32_MAX) mine->learned++;
}

/* Reading to go on with; *count is how many notes were written. */
int64_t score_readings(work_t *w, int64_t first, int64_t last, int64_t room, int64_t *count) {
    int64_t i;
    w->told = 0;
    for (i = first; i < last; i++) {
        if (w->told + SLOTS > room) break;
        if (i + AHEAD < last) __builtin_prefetch(&w->rows[w->row_of[i + AHEAD]], 1, 3);
        step(w, i);
    }
    *count = w->told;
    return i;
}

#if defined(__AVX512F__) && defined(__AVX512CD__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define WIDE 8

int has_wide(void) { return 1; }

/* Eight rows of eight words: columns of rows, or rows of columns. */
static inline void transpose(__m512i r[8]) {
    __m512i t[8], u[8];
    for (int j = 0; j < 4; j++) {
        t[2 * j] = _mm512_unpacklo_epi64(r[2 * j], r[2 * j + 1]);
        t[2 * j + 1] = _mm512_unpackhi_epi64(r[2 * j], r[2 * j + 1]);
    }
    for (int j = 0; j < 2; j++)
        for (int k = 0; k < 2; k++) {
            u[4 * j + k] = _mm512_shuffle_i64x2(t[4 * j + k], t[4 * j + 2 + k], 0x88);
            u[4 * j + 2 + k] = _mm512_shuffle_i64x2(t[4 * j + k], t[4 * j + 2 + k], 0xdd);
        }
    for (int k = 0; k < 4; k++) {
        t[k] = _mm512_shuffle_i64x2(u[k], u[4 + k], 0x88);
        t[4 + k] = _mm512_shuffle_i64x2(u[k], u[4 + k], 0xdd);
    }
    /* t[0]: words 0 of all; t[1]: words 1; t[2]: 2; t[3]: 3; t[4..7]: 4..7 */
    for (int k = 0; k < 8; k++) r[k] = t[k];
}

/* Whether all eight readings were calm, and are done. One set of figures for all rows, with sums
 * and a frozen rule, and none by the day: `wide` sees to that. */
static inline int eight(work_t *w, int64_t i, const param_t *p) {
    const __m256i at = _mm256_loadu_si256((const __m256i *)&w->row_of[i]);
    if (_mm256_cmpneq_epi32_mask(_mm256_conflict_epi32(at), _mm256_setzero_si256())) return 0;
    int64_t destinies;
    __builtin_memcpy(&destinies, &w->destiny[i], 8);
    if (destinies != SCORED) return 0;
    row_t *mine[8];
    __m512i r[8];
    for (int j = 0; j < 8; j++) {
        mine[j] = &w->rows[(uint32_t)w->row_of[i + j]];
        r[j] = _mm512_load_si512(mine[j]);
    }
    transpose(r);
    const __m512d value = _mm512_loadu_pd(&w->value_of[i]);
    const __m512d mean = _mm512_castsi512_pd(r[2]), variance = _mm512_castsi512_pd(r[3]);
    const __m512d zero = _mm512_setzero_pd(), k = _mm512_set1_pd(p->k), h = _mm512_set1_pd(p->h);
    const __m512d off = _mm512_sub_pd(value, mean);
    const __m512d sigma = _mm512_max_pd(_mm512_sqrt_pd(variance), _mm512_set1_pd(p->floor));
    const __m512d score = _mm512_div_pd(off, sigma);
    __m512d z = _mm512_max_pd(score, _mm512_set1_pd(-CLIP));
    z = _mm512_min_pd(z, _mm512_set1_pd(CLIP));
    const __m512d up = _mm512_sub_pd(_mm512_add_pd(_mm512_castsi512_pd(r[4]), z), k);
    const __m512d down = _mm512_sub_pd(_mm512_sub_pd(_mm512_castsi512_pd(r[5]), z), k);
    const __m512i learned = _mm512_srli_epi64(r[0], 32);
    const __m512d apart = _mm512_abs_pd(_mm512_sub_pd(value, _mm512_castsi512_pd(r[6])));
    int odd = _mm512_cmplt_epi64_mask(learned, _mm512_set1_epi64(p->warm_up));
    odd |= _mm512_cmpeq_epi64_mask(learned, _mm512_set1_epi64(UINT32_MAX));
    odd |= _mm512_test_epi64_mask(r[1], _mm512_set1_epi64(0xffLL << 32)); /* busy */
    odd |= _mm512_cmp_pd_mask(value, _mm512_set1_pd(p->calm_low), _CMP_LT_OQ);
    odd |= _mm512_cmp_pd_mask(value, _mm512_set1_pd(p->calm_high), _CMP_GT_OQ);
    odd |= _mm512_cmp_pd_mask(_mm512_abs_pd(score), _mm512_set1_pd(p->band), _CMP_GT_OQ);
    odd |= _mm512_cmp_pd_mask(_mm512_max_pd(up, down), h, _CMP_GT_OQ);
    odd |= _mm512_cmp_pd_mask(apart, _mm512_set1_pd(p->resolution), _CMP_LE_OQ);
    if (odd) return 0;
    const __m512d a = _mm512_set1_pd(p->smoothing), rest = _mm512_set1_pd(1.0 - p->smoothing);
    const __m512d pull = _mm512_mul_pd(a, off);
    r[0] = _mm512_add_epi64(r[0], _mm512_set1_epi64(1LL << 32));
    r[1] = _mm512_or_si512(_mm512_and_si512(r[1], _mm512_set1_epi64(0xffffffffffffLL)),
                           _mm512_set1_epi64(1LL << 48)); /* a run of one */
    r[2] = _mm512_castpd_si512(_mm512_add_pd(mean, pull));
    r[3] = _mm512_castpd_si512(
        _mm512_mul_pd(rest, _mm512_add_pd(variance, _mm512_mul_pd(pull, off))));
    r[4] = _mm512_castpd_si512(_mm512_max_pd(up, zero));
    r[5] = _mm512_castpd_si512(_mm512_max_pd(down, zero));
    r[6] = _mm512_castpd_si512(value);
    r[7] = _mm512_loadu_si512(&w->time_of[i]);
    transpose(r);
    for (int j = 0; j < 8; j++) _mm512_store_si512(mine[j], r[j]);
    return 1;
}

/* The same as `score_readings`, for one class with all three rules. */
int64_t score_wide(work_t *w, int64_t first, int64_t last, int64_t room, int64_t *count) {
    int64_t i = first;
    const param_t *p = &w->params[0];
    w->told = 0;
    while (i < last) {
        if (w->told + WIDE * SLOTS > room) break;
        int64_t n = last - i < WIDE ? last - i : WIDE;
        for (int64_t j = i + AHEAD; j < i + AHEAD + n && j < last; j++)
            __builtin_prefetch(&w->rows[w->row_of[j]], 1, 3);
        if (n < WIDE || !eight(w, i, p))
            for (int64_t j = i; j < i + n; j++) step(w, j);
        i += n;
    }
    *count = w->told;
    return i;
}
#else
int has_wide(void) { return 0; }
#endif
