/* All numbers go round one loop, equally often; several vectors at a time hide what one waits. */
#include "vectors.h"

enum { SEVERAL = AT_ONCE(WIDTH / 2), BLOCK = SEVERAL * WIDTH };

void run(float *values, long count, long turns) {
#pragma omp parallel for schedule(static)
    for (long first = 0; first < count; first += BLOCK) {
        vec number[SEVERAL], value[SEVERAL];
        UNROLL for (int k = 0; k < SEVERAL; k++) {
            number[k] = from(first + k * WIDTH);
            value[k] = all(0.5f);
        }
        for (long turn = 0; turn < turns; turn++) {
            UNROLL for (int k = 0; k < SEVERAL; k++) {
                value[k] = add(mul(value[k], all(0.5f)), number[k]);
                value[k] = add(mul(value[k], all(0.25f)), value[k]);
            }
        }
        UNROLL for (int k = 0; k < SEVERAL; k++) put(values + first + k * WIDTH, value[k]);
    }
}
