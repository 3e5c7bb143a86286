/* Turns of each pixel; several vectors of neighbours go round until the last of them has left. */
#include "vectors.h"

enum { SEVERAL = AT_ONCE(WIDTH / 4), BLOCK = SEVERAL * WIDTH };

void run(float *turns, long width, long height, long limit) {
    vec across = all((float)(3.0 / width));
#pragma omp parallel for schedule(dynamic, 4)
    for (long row = 0; row < height; row++) {
        vec cy = all((float)row * (float)(3.0 / height) - 1.5f);
        for (long first = 0; first < width; first += BLOCK) {
            vec cx[SEVERAL], x[SEVERAL], y[SEVERAL], count[SEVERAL];
            UNROLL for (int k = 0; k < SEVERAL; k++) {
                cx[k] = sub(mul(from(first + k * WIDTH), across), all(2.0f));
                x[k] = y[k] = count[k] = all(0.0f);
            }
            for (long turn = 0; turn < limit; turn++) {
                mask live[SEVERAL], left;
                UNROLL for (int k = 0; k < SEVERAL; k++) {
                    vec xx = mul(x[k], x[k]), yy = mul(y[k], y[k]), xy = mul(x[k], y[k]);
                    live[k] = at_most(add(xx, yy), all(4.0f));
                    count[k] = add_where(count[k], live[k], all(1.0f));
                    y[k] = add(add(xy, xy), cy);
                    x[k] = add(sub(xx, yy), cx[k]);
                }
                left = live[0];
                UNROLL for (int k = 1; k < SEVERAL; k++) left = either(left, live[k]);
                if (!any(left)) break;
            }
            UNROLL for (int k = 0; k < SEVERAL; k++) {
                put(turns + row * width + first + k * WIDTH, count[k]);
            }
        }
    }
}
