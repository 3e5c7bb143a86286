"""Lengths and cube roots, and the product and sum that is rounded once."""

from __future__ import annotations

from lanework.core.ops import expr
from lanework.core.ops.bodies.arithmetic import abs_, div, mul, sign
from lanework.core.ops.bodies.layout import INF, NAN, head, layout, sign_bit, with_sign
from lanework.core.ops.bodies.logic import choose, eq
from lanework.core.ops.bounds import length, rising
from lanework.core.ops.expr import Value, select
from lanework.core.ops.op import Offer, Term, op
from lanework.core.ops.rules import LENGTH, PRODUCT_SUM, root

# Squares of numbers between these neither overflow nor lose their last places; others are scaled.
RANGE = {"f64": (2.0**-400, 2.0**500), "f32": (2.0**-40, 2.0**62)}
SCALES = {"f64": (2.0**600, 2.0**-600), "f32": (2.0**100, 2.0**-66)}


def _square(x: Value) -> tuple[Value, Value]:
    """X * x as a sum of two values."""
    upper = head(x)
    lower = x - upper
    product = x * x
    return product, ((upper * upper - product) + 2.0 * upper * lower) + lower * lower


def _hypot_partial(side: Term, r: Term) -> Term:
    # where one side is all there is, its sign: at zero, and at infinity, where a / r is no number
    out: Term = choose(eq(abs_(side), r), sign(side), div(side, r))
    return out


@op(
    special=(
        ((INF, NAN), INF),
        ((NAN, -INF), INF),
        ((NAN, 1.0), NAN),
        ((0.0, -0.0), 0.0),
        ((-3.0, 4.0), 5.0),
        ((-0.0, -2.0), 2.0),
    ),
    example=((3.0, 4.0), 5.0),
    ulp={"f64": 1.0, "f32": 1.0},
    commutes=True,
    units=LENGTH,
    interval=length,
    series=Offer(49, since=2),
    fleet=Offer(84, since=2),
    register=Offer(184, since=2),
    partials=lambda a, b, r: (_hypot_partial(a, r), _hypot_partial(b, r)),
)
def hypot(a: Value, b: Value) -> Value:
    """The length of (a, b): the root of a * a + b * b, without overflow on the way.

    An infinite side gives an infinity, beside NaN too. The root is corrected by what the rounded
    squares and their sum had lost (C. F. Borges, An improved algorithm for hypot(a, b), 2019).
    """
    kind = a.dtype
    one, other = expr.fabs(a), expr.fabs(b)
    larger = select(one > other, one, other)
    smaller = select(one > other, other, one)
    low, high = RANGE[kind]
    up, down = SCALES[kind]
    small, large = larger < low, larger > high
    scale = select(small, expr.like(a, up), select(large, expr.like(a, down), 1.0))
    x, y = larger * scale, smaller * scale
    (xx, x_rest), (yy, y_rest) = _square(x), _square(y)
    total = xx + yy
    rest = ((xx - total) + yy) + (x_rest + y_rest)
    rough = expr.sqrt(total)
    square, square_rest = _square(rough)
    size = rough - ((square - total) + (square_rest - rest)) / (rough + rough)
    back = select(small, expr.like(a, 1.0 / up), select(large, expr.like(a, 1.0 / down), 1.0))
    finite = select(larger.equals(0.0), larger, size * back)
    undefined = a.differs(a) | b.differs(b)
    ordinary = select(undefined, NAN, finite)
    return select(one.equals(INF) | other.equals(INF), INF, ordinary)


# A third of an exponent, less what makes the worst of the relative errors, 5 %, least (the constant
# is that of W. Kahan's cbrt, 1991: 0.0330...).
OFFSET = 0.03306235651
TINY = {"f64": (2.0**54, 2.0**-18), "f32": (2.0**24, 2.0**-8)}  # for subnormal numbers


@op(
    special=(((0.0,), 0.0), ((-0.0,), -0.0), ((INF,), INF), ((-INF,), -INF), ((NAN,), NAN)),
    example=((-27.0,), -3.0),
    ulp={"f64": 1.0, "f32": 1.0},
    units=root(3),
    interval=rising,
    series=Offer(50, since=2),
    fleet=Offer(85, since=2),
    register=Offer(185, since=2),
    partials=lambda x, r: (div(1.0, mul(3.0, mul(r, r))),),
)
def cbrt(x: Value) -> Value:
    """The cube root of x, which has the sign of x.

    A guess from the bits, and Halley's iteration; before its last step the root is cut to half its
    places, so that its square is exact (the scheme of W. Kahan and K. C. Ng, 1991).
    """
    form = layout(x)
    size = expr.fabs(x)
    tiny = size < form.smallest_normal
    up, back = TINY[x.dtype]
    y = select(tiny, size * up, size)
    offset = int((form.bias - form.bias / 3 - OFFSET) * 2**form.fraction)
    pattern = expr.bits(y)
    third = expr.udiv(pattern, expr.const(3, pattern.dtype))
    t = expr.from_bits(third + offset)
    for _ in range(2 if x.dtype == "f64" else 1):
        ratio = t * t * (t / y)
        t = t * ((ratio + 2.0) / (ratio + ratio + 1.0))
    t = head(t)
    ratio = y / (t * t)
    t = t + t * ((ratio - t) / (t + t + ratio))
    value = with_sign(select(tiny, t * back, t), sign_bit(x))
    return select((size > 0.0) & (size < INF), value, x)


@op(
    special=(
        ((INF, 0.0, 1.0), NAN),
        ((1e30, 1e30, -INF), -INF),
        ((2.0, INF, -INF), NAN),
        ((-0.0, 1.0, 0.0), 0.0),
        ((-0.0, 1.0, -0.0), -0.0),
        ((2.0, 3.0, -6.0), 0.0),
        ((NAN, 1.0, 1.0), NAN),
    ),
    example=((2.0, 3.0, 4.0), 10.0),
    units=PRODUCT_SUM,
    series=Offer(51, since=2),
    fleet=Offer(86, since=2),
    register=Offer(186, "fma", since=2),
    partials=lambda a, b, c, r: (b, a, 1.0),
)
def fma(a: Value, b: Value, c: Value) -> Value:
    """The product a * b plus c, rounded once: the product is not rounded before c is added.

    It is this only where it is asked for: no engine makes one of a product and a sum.
    """
    return expr.fma(a, b, c)
