/* Stopping times; several vectors of neighbours go on until the last of them is at 1. */
#include "vectors.h"

enum { SEVERAL = AT_ONCE(WIDTH / 4), BLOCK = SEVERAL * WIDTH };

void run(float *steps, long count) {
#pragma omp parallel for schedule(dynamic, 64)
    for (long first = 0; first < count; first += BLOCK) {
        vec x[SEVERAL], n[SEVERAL];
        UNROLL for (int k = 0; k < SEVERAL; k++) {
            x[k] = from(first + 1 + k * WIDTH);
            n[k] = all(0.0f);
        }
        for (;;) {
            mask live[SEVERAL], left;
            UNROLL for (int k = 0; k < SEVERAL; k++) {
                live[k] = differ(x[k], all(1.0f));
                vec half = mul(x[k], all(0.5f));
                vec more = add(mul(x[k], all(3.0f)), all(1.0f));
                x[k] = pick(live[k], pick(odd(x[k]), more, half), x[k]);
                n[k] = add_where(n[k], live[k], all(1.0f));
            }
            left = live[0];
            UNROLL for (int k = 1; k < SEVERAL; k++) left = either(left, live[k]);
            if (!any(left)) break;
        }
        UNROLL for (int k = 0; k < SEVERAL; k++) put(steps + first + k * WIDTH, n[k]);
    }
}
