"""Native functions that a solver calls by IPOPT's C interface, as LLVM IR, and the words they read.

Each takes the point that the solver is at, lets kernels run in frames that read it, and writes what
they gave where the solver wants it. Where a kernel met a fault, or the solver is at no number,
an ordinary function does it all again, which knows how to complain. What is not finite is given
with the word that it failed: a factorisation of such numbers may write where it must not.
"""

from __future__ import annotations

# Words of the state, which all functions of a problem share: the point that kernels read, its
# size, how often it moved; multipliers and their count; the weight of the objective that kernels
# read, what is added to it, and the bits that turn its sign.
X, SIZE, MOVES, MULTIPLIERS, ROWS, WEIGHT, ADDED, SIGN, STATE_WORDS = range(9)
# Words of a run, which functions of the same values share: the move that it was last done after,
# how often it was done, its kernels, how many they are.
AFTER, RUNS, KERNELS, COUNT, RUN_WORDS = range(5)
# Words of a kernel: code, arguments, descriptor, flags of faults, how many they are.
CODE, COLUMNS, DIMS, SHARED, SCRATCH, DESCRIPTOR, FAULTS, UNITS, KERNEL_WORDS = range(9)
# Words of a function: state, run, how many numbers it gives, where each lies, the bits that turn
# their signs, the ordinary function, which number it knows this one by.
STATE, RUN, SIZES, PLACES, FLIP, ORDINARY, KIND, FUNCTION_WORDS = range(8)

EXPONENT = 0x7FF << 52  # the bits of a double that are all set where it is not finite

NAMES = ("solve_value", "solve_levels", "solve_jacobian", "solve_hessian")

_TEXT = """
define internal i64 @solve_copy(ptr %to, ptr %from, i64 %count) noinline nounwind {{
entry:
  br label %next
next:
  %n = phi i64 [ 0, %entry ], [ %more, %one ]
  %said = phi i64 [ 0, %entry ], [ %now, %one ]
  %go = icmp slt i64 %n, %count
  br i1 %go, label %one, label %end
one:
  %from.p = getelementptr double, ptr %from, i64 %n
  %to.p = getelementptr i64, ptr %to, i64 %n
  %value = load double, ptr %from.p
  %new = bitcast double %value to i64
  %old = load i64, ptr %to.p
  store i64 %new, ptr %to.p
  %moved = icmp ne i64 %new, %old
  %none = fcmp uno double %value, %value
  %a = zext i1 %moved to i64
  %b = zext i1 %none to i64
  %b2 = shl i64 %b, 1
  %c = or i64 %a, %b2
  %now = or i64 %said, %c
  %more = add i64 %n, 1
  br label %next
end:
  ret i64 %said
}}

define internal i64 @solve_kernels(ptr %run) noinline nounwind {{
entry:
  %kernels.p = getelementptr i64, ptr %run, i64 {KERNELS}
  %count.p = getelementptr i64, ptr %run, i64 {COUNT}
  %kernels = load ptr, ptr %kernels.p
  %count = load i64, ptr %count.p
  br label %next
next:
  %n = phi i64 [ 0, %entry ], [ %more, %done ]
  %bad = phi i64 [ 0, %entry ], [ %worse, %done ]
  %go = icmp slt i64 %n, %count
  br i1 %go, label %one, label %end
one:
  %at = mul i64 %n, {KERNEL_WORDS}
  %kernel = getelementptr i64, ptr %kernels, i64 %at
  %columns.p = getelementptr i64, ptr %kernel, i64 {COLUMNS}
  %dims.p = getelementptr i64, ptr %kernel, i64 {DIMS}
  %shared.p = getelementptr i64, ptr %kernel, i64 {SHARED}
  %scratch.p = getelementptr i64, ptr %kernel, i64 {SCRATCH}
  %descriptor.p = getelementptr i64, ptr %kernel, i64 {DESCRIPTOR}
  %faults.p = getelementptr i64, ptr %kernel, i64 {FAULTS}
  %units.p = getelementptr i64, ptr %kernel, i64 {UNITS}
  %code = load ptr, ptr %kernel
  %columns = load ptr, ptr %columns.p
  %dims = load ptr, ptr %dims.p
  %shared = load ptr, ptr %shared.p
  %scratch = load ptr, ptr %scratch.p
  %descriptor = load i64, ptr %descriptor.p
  %faults = load ptr, ptr %faults.p
  %units = load i64, ptr %units.p
  %stop.p = getelementptr i64, ptr %shared, i64 1
  %about.p = getelementptr i64, ptr %shared, i64 2
  store i64 0, ptr %shared
  store i64 0, ptr %stop.p
  store i64 %descriptor, ptr %about.p
  call void %code(ptr %columns, ptr %dims, ptr %shared, ptr %scratch)
  br label %fault
fault:
  %f = phi i64 [ 0, %one ], [ %f.more, %flag ]
  %worse = phi i64 [ %bad, %one ], [ %now, %flag ]
  %f.go = icmp slt i64 %f, %units
  br i1 %f.go, label %flag, label %done
flag:
  %flag.p = getelementptr i64, ptr %faults, i64 %f
  %set = load i64, ptr %flag.p
  store i64 0, ptr %flag.p
  %now = or i64 %worse, %set
  %f.more = add i64 %f, 1
  br label %fault
done:
  %more = add i64 %n, 1
  br label %next
end:
  ret i64 %bad
}}

define internal void @solve_give(ptr %call, ptr %out) noinline nounwind {{
entry:
  %count.p = getelementptr i64, ptr %call, i64 {SIZES}
  %places.p = getelementptr i64, ptr %call, i64 {PLACES}
  %flip.p = getelementptr i64, ptr %call, i64 {FLIP}
  %count = load i64, ptr %count.p
  %places = load ptr, ptr %places.p
  %flip = load i64, ptr %flip.p
  br label %next
next:
  %n = phi i64 [ 0, %entry ], [ %more, %one ]
  %go = icmp slt i64 %n, %count
  br i1 %go, label %one, label %end
one:
  %place.p = getelementptr ptr, ptr %places, i64 %n
  %place = load ptr, ptr %place.p
  %value = load i64, ptr %place
  %turned = xor i64 %value, %flip
  %out.p = getelementptr i64, ptr %out, i64 %n
  store i64 %turned, ptr %out.p
  %more = add i64 %n, 1
  br label %next
end:
  ret void
}}

define internal i64 @solve_finite(ptr %call, ptr %out) noinline nounwind {{
entry:
  %count.p = getelementptr i64, ptr %call, i64 {SIZES}
  %count = load i64, ptr %count.p
  br label %next
next:
  %n = phi i64 [ 0, %entry ], [ %more, %one ]
  %fine = phi i1 [ true, %entry ], [ %still, %one ]
  %go = icmp slt i64 %n, %count
  br i1 %go, label %one, label %end
one:
  %out.p = getelementptr i64, ptr %out, i64 %n
  %bits = load i64, ptr %out.p
  %exponent = and i64 %bits, {EXPONENT}
  %finite = icmp ne i64 %exponent, {EXPONENT}
  %still = and i1 %fine, %finite
  %more = add i64 %n, 1
  br label %next
end:
  %said = zext i1 %fine to i64
  ret i64 %said
}}

define internal i64 @solve_weigh(ptr %state, double %weight, ptr %multipliers) noinline nounwind {{
  %all.p = getelementptr i64, ptr %state, i64 {MULTIPLIERS}
  %rows.p = getelementptr i64, ptr %state, i64 {ROWS}
  %own.p = getelementptr i64, ptr %state, i64 {WEIGHT}
  %added.p = getelementptr i64, ptr %state, i64 {ADDED}
  %sign.p = getelementptr i64, ptr %state, i64 {SIGN}
  %all = load ptr, ptr %all.p
  %rows = load i64, ptr %rows.p
  %own = load ptr, ptr %own.p
  %added = load ptr, ptr %added.p
  %sign = load i64, ptr %sign.p
  %said = call i64 @solve_copy(ptr %all, ptr %multipliers, i64 %rows)
  %bits = bitcast double %weight to i64
  %turned = xor i64 %bits, %sign
  %signed = bitcast i64 %turned to double
  %more = load double, ptr %added
  %sum = fadd double %signed, %more
  store double %sum, ptr %own
  %none = fcmp uno double %sum, %sum
  %b = zext i1 %none to i64
  %b2 = shl i64 %b, 1
  %c = or i64 %said, %b2
  ret i64 %c
}}

define internal i64 @solve_do(ptr %call, ptr %x, double %weight, ptr %given, ptr %out)
    noinline nounwind {{
entry:
  %run.p = getelementptr i64, ptr %call, i64 {RUN}
  %ordinary.p = getelementptr i64, ptr %call, i64 {ORDINARY}
  %kind.p = getelementptr i64, ptr %call, i64 {KIND}
  %state = load ptr, ptr %call
  %run = load ptr, ptr %run.p
  %size.p = getelementptr i64, ptr %state, i64 {SIZE}
  %moves.p = getelementptr i64, ptr %state, i64 {MOVES}
  %runs.p = getelementptr i64, ptr %run, i64 {RUNS}
  %mine = load ptr, ptr %state
  %size = load i64, ptr %size.p
  %said = call i64 @solve_copy(ptr %mine, ptr %x, i64 %size)
  %before = load i64, ptr %moves.p
  %moved = and i64 %said, 1
  %moves = add i64 %before, %moved
  store i64 %moves, ptr %moves.p
  %weighs = icmp ne ptr %given, null
  br i1 %weighs, label %weigh, label %look
weigh:
  store i64 -1, ptr %run
  %also = call i64 @solve_weigh(ptr %state, double %weight, ptr %given)
  br label %look
look:
  %more = phi i64 [ 0, %entry ], [ %also, %weigh ]
  %all = or i64 %said, %more
  %none = and i64 %all, 2
  %no = icmp ne i64 %none, 0
  br i1 %no, label %ordinary, label %known
known:
  %after = load i64, ptr %run
  %same = icmp eq i64 %after, %moves
  br i1 %same, label %give, label %work
work:
  %bad = call i64 @solve_kernels(ptr %run)
  %fault = icmp ne i64 %bad, 0
  br i1 %fault, label %ordinary, label %done
done:
  %runs = load i64, ptr %runs.p
  %one = add i64 %runs, 1
  store i64 %one, ptr %runs.p
  store i64 %moves, ptr %run
  br label %give
give:
  call void @solve_give(ptr %call, ptr %out)
  br label %end
ordinary:
  store i64 -1, ptr %run
  %function = load ptr, ptr %ordinary.p
  %kind = load i64, ptr %kind.p
  call void %function(i64 %kind, ptr %x, double %weight, ptr %given, ptr %out)
  br label %end
end:
  %fine = call i64 @solve_finite(ptr %call, ptr %out)
  ret i64 %fine
}}

define i64 @solve_value(i64 %n, ptr %x, ptr %out, ptr %call) nounwind {{
  %r = call i64 @solve_do(ptr %call, ptr %x, double 0.0, ptr null, ptr %out)
  ret i64 %r
}}

define i64 @solve_levels(i64 %n, ptr %x, i64 %m, ptr %out, ptr %call) nounwind {{
  %r = call i64 @solve_do(ptr %call, ptr %x, double 0.0, ptr null, ptr %out)
  ret i64 %r
}}

define i64 @solve_jacobian(i64 %n, ptr %x, i64 %m, i64 %count, ptr %out, ptr %call) nounwind {{
  %r = call i64 @solve_do(ptr %call, ptr %x, double 0.0, ptr null, ptr %out)
  ret i64 %r
}}

define i64 @solve_hessian(i64 %n, ptr %x, double %weight, i64 %m, ptr %given, i64 %count, ptr %out,
    ptr %call) nounwind {{
  %r = call i64 @solve_do(ptr %call, ptr %x, double %weight, ptr %given, ptr %out)
  ret i64 %r
}}
"""


def callback_text() -> str:
    """The functions as LLVM IR; objective and gradient are of one type."""
    return _TEXT.format(**{name: number for name, number in globals().items() if name.isupper()})
