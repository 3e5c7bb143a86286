"""The worst errors met in a long run of `tools/measure_ulp.py`; do not edit."""

from __future__ import annotations

from typing import NamedTuple

from lanework.core.ops.bodies import arctangent, erf, exp, log, power, roots, tanh, trig
from lanework.core.ops.op import Op


class Measured(NamedTuple):
    """The worst error in units in the last place, where it is, among how many arguments."""

    ulp: float
    args: tuple[float, ...]
    points: int


# fmt: off
# ruff: noqa: E501
MEASURED: dict[tuple[Op, str], Measured] = {
    (exp.exp, "f64"): Measured(0.855, (37.09051525537063,), 20000000),
    (exp.exp, "f32"): Measured(0.891, (-37.758182525634766,), 20000000),
    (log.log, "f64"): Measured(0.842, (1.4083625837040616,), 20000000),
    (log.log, "f32"): Measured(0.840, (1.4133185148239136,), 20000000),
    (trig.sin, "f64"): Measured(0.774, (0.8360546135444054,), 20000002),
    (trig.sin, "f32"): Measured(0.782, (30712.97265625,), 20000002),
    (trig.cos, "f64"): Measured(0.769, (-80122.40089219426,), 20000002),
    (trig.cos, "f32"): Measured(0.782, (3.918257713317871,), 20000002),
    (trig.tan, "f64"): Measured(1.447, (-2.428362819952292e+128,), 20000002),
    (trig.tan, "f32"): Measured(1.435, (-5.5033793449401855,), 20000002),
    (tanh.tanh, "f64"): Measured(1.540, (0.5461822142726234,), 20000000),
    (tanh.tanh, "f32"): Measured(1.577, (-0.5467972159385681,), 20000000),
    (power.power, "f64"): Measured(1.548, (0.9177291770354716, 7283.0079188576365), 20000000),
    (power.power, "f32"): Measured(1.695, (1.7460752725601196, 157.42919921875), 20000000),
    (arctangent.atan2, "f64"): Measured(1.478, (0.3953480093458417, 1.5747625125066214), 20000000),
    (arctangent.atan2, "f32"): Measured(1.486, (0.05697597563266754, 0.9111382961273193), 20000000),
    (erf.erf, "f64"): Measured(1.465, (0.7845875094347915,), 400000),
    (erf.erf, "f32"): Measured(1.613, (0.7803676724433899,), 20000000),
    (erf.normcdf, "f64"): Measured(3.187, (-2.8897023635138894,), 400000),
    (erf.normcdf, "f32"): Measured(3.626, (-0.7206908464431763,), 20000000),
    (roots.hypot, "f64"): Measured(0.744, (-1.400785063130483e-308, 1.0806198352876e-310), 400000),
    (roots.hypot, "f32"): Measured(0.748, (-8.948067014063193e-39, 5.6023912603706186e-42), 2000000),
    (roots.cbrt, "f64"): Measured(0.666, (2.0834984847984357,), 400000),
    (roots.cbrt, "f32"): Measured(0.777, (-7.992190837860107,), 2000000),
}
