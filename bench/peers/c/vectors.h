/* What the kernels need of AVX-512 or AVX2 (as the compiler is told), by one name. */
#include <immintrin.h>
#include <stdint.h>

/* How many vectors are in work at once: as many as hide what one waits for, or one. */
#ifdef ONE
#define AT_ONCE(several) 1
#else
#define AT_ONCE(several) (several)
#endif

#define UNROLL _Pragma("GCC unroll 16")

#ifdef __AVX512F__

enum { WIDTH = 16 };
typedef __m512 vec;
typedef __mmask16 mask;

static inline vec all(float x) { return _mm512_set1_ps(x); }
static inline vec add(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
static inline vec mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
static inline vec pick(mask m, vec yes, vec no) { return _mm512_mask_mov_ps(no, m, yes); }
static inline vec add_where(vec a, mask m, vec b) { return _mm512_mask_add_ps(a, m, a, b); }
static inline mask at_most(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
static inline mask differ(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ); }
static inline mask odd(vec a) {
    return _mm512_test_epi32_mask(_mm512_cvttps_epi32(a), _mm512_set1_epi32(1));
}
static inline mask both(mask a, mask b) { return a & b; }
static inline mask either(mask a, mask b) { return a | b; }
static inline int any(mask m) { return m != 0; }
static inline vec from(long first) {
    __m512i n = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_cvtepi32_ps(_mm512_add_epi32(n, _mm512_set1_epi32((int)first)));
}
static inline void put(float *to, vec a) { _mm512_storeu_ps(to, a); }

#else

enum { WIDTH = 8 };
typedef __m256 vec;
typedef __m256 mask;

static inline vec all(float x) { return _mm256_set1_ps(x); }
static inline vec add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
static inline vec mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
static inline vec pick(mask m, vec yes, vec no) { return _mm256_blendv_ps(no, yes, m); }
static inline vec add_where(vec a, mask m, vec b) {
    return _mm256_add_ps(a, _mm256_and_ps(m, b));
}
static inline mask at_most(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
static inline mask differ(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ); }
static inline mask odd(vec a) { /* the sign is what a blend looks at */
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvttps_epi32(a), 31));
}
static inline mask both(mask a, mask b) { return _mm256_and_ps(a, b); }
static inline mask either(mask a, mask b) { return _mm256_or_ps(a, b); }
static inline int any(mask m) { return _mm256_movemask_ps(m) != 0; }
static inline vec from(long first) {
    __m256i n = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cvtepi32_ps(_mm256_add_epi32(n, _mm256_set1_epi32((int)first)));
}
static inline void put(float *to, vec a) { _mm256_storeu_ps(to, a); }

#endif
