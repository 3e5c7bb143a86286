"""The worst errors met in a long run of `tools/measure_ulp.py`; do not edit."""

from __future__ import annotations

from typing import NamedTuple


class Measured(NamedTuple):
    """The worst error in units in the last place, where it is, among how many arguments."""

    ulp: float
    args: tuple[float, ...]
    points: int


# fmt: off
MEASURED: dict[tuple[str, str], Measured] = {
    ("exp", "f64"): Measured(0.853, (20.44784182652131,), 2000000),
    ("exp", "f32"): Measured(0.883, (-5.1985883712768555,), 2000000),
    ("log", "f64"): Measured(0.815, (1.4039017102036582,), 2000000),
    ("log", "f32"): Measured(0.824, (0.7069125771522522,), 2000000),
    ("sin", "f64"): Measured(0.765, (-5.465990330115804,), 2000001),
    ("sin", "f32"): Measured(0.766, (8061703.0,), 2000001),
    ("cos", "f64"): Measured(0.761, (7.012127261091004,), 2000001),
    ("cos", "f32"): Measured(0.779, (2.892971478881938e+33,), 2000001),
    ("tan", "f64"): Measured(1.332, (-4.838554528050394e+284,), 2000001),
    ("tan", "f32"): Measured(1.435, (-5.5033793449401855,), 2000001),
    ("tanh", "f64"): Measured(1.494, (0.5431388243322754,), 2000000),
    ("tanh", "f32"): Measured(1.511, (-0.5365679860115051,), 2000000),
    ("pow", "f64"): Measured(1.477, (1.0805410199928387, 8607.603427786198), 2000000),
    ("pow", "f32"): Measured(1.565, (1.2881004810333252, 313.72216796875), 2000000),
    ("atan2", "f64"): Measured(1.429, (0.19024179612581027, 0.7562185727409223), 2000000),
    ("atan2", "f32"): Measured(1.430, (-0.08050043880939484, 0.6431714296340942), 2000000),
    ("erf", "f64"): Measured(1.433, (0.7763583224548877,), 40000),
    ("erf", "f32"): Measured(1.597, (0.7519406676292419,), 2000000),
    ("normcdf", "f64"): Measured(3.039, (-1.914813292406232,), 40000),
    ("normcdf", "f32"): Measured(3.918, (-0.6747134923934937,), 2000000),
}
