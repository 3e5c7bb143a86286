"""Native code of the helper threads of `threadpool`, as LLVM IR, and the words that it shares.

A job is closed in Dekker's way, with sequentially consistent accesses: a helper says that it is
inside and then looks whether the job is open; the caller closes the job and then looks whether
somebody is inside. Going to sleep is the same: the helper says that it sleeps and then looks for
a job; the caller opens a job and then looks who sleeps.
"""

from __future__ import annotations

SPINS = 2000  # pauses of the caller between looks at whether helpers have left
MOST = 256  # helpers
# Words of the pool, in cache lines of their own; the words after AWAKE are the helpers', by index.
OPEN, INSIDE, STOP, RECORD, STATUS, AWAKE, END = 0, 8, 16, 24, 25, 32, 32 + MOST
# Words of a job's record: kernel, its first three arguments, scratch by thread, threads.
KERNEL, ARGUMENTS, SCRATCH, THREADS, WORDS = 0, 1, 4, 5, 6
START, SHARE, CLOSE = 0, 1, 2  # what `pool_run` is asked to do
DONE, SLEEPERS, BUSY = 0, 1, 2  # what it says: helpers sleep, helpers are still inside

# Tells the processor that this is a loop that waits; elsewhere it just waits.
_X86, _ARM = "call void @llvm.x86.sse2.pause()", "call void @llvm.aarch64.hint(i32 1)"
_PAUSE = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}

_TEXT = """
{declare}

define void @pool_share(ptr %words, i64 %index) noinline nounwind {{
  %record.p = getelementptr i64, ptr %words, i64 {RECORD}
  %record = load ptr, ptr %record.p
  %threads.p = getelementptr i64, ptr %record, i64 {THREADS}
  %threads = load i64, ptr %threads.p
  %wanted = icmp slt i64 %index, %threads
  br i1 %wanted, label %work, label %exit
work:
  %kernel = load ptr, ptr %record
  %a.p = getelementptr i64, ptr %record, i64 {ARGUMENTS}
  %b.p = getelementptr i64, ptr %a.p, i64 1
  %c.p = getelementptr i64, ptr %a.p, i64 2
  %d.p = getelementptr i64, ptr %record, i64 {SCRATCH}
  %a = load ptr, ptr %a.p
  %b = load ptr, ptr %b.p
  %c = load ptr, ptr %c.p
  %d = load ptr, ptr %d.p
  %scratch.p = getelementptr ptr, ptr %d, i64 %index
  %scratch = load ptr, ptr %scratch.p
  call void %kernel(ptr %a, ptr %b, ptr %c, ptr %scratch)
  br label %exit
exit:
  ret void
}}

define void @pool_serve(ptr %words, i64 %index, i64 %spins, i64 %unused) nounwind {{
entry:
  %inside = getelementptr i64, ptr %words, i64 {INSIDE}
  %stop = getelementptr i64, ptr %words, i64 {STOP}
  %own = add i64 %index, {AWAKE}
  %awake = getelementptr i64, ptr %words, i64 %own
  br label %wake
wake:
  %last = phi i64 [ 0, %entry ], [ %seen, %sleep ]
  store atomic i64 1, ptr %awake seq_cst, align 8
  br label %look
look:
  %seen = phi i64 [ %last, %wake ], [ %seen, %pause ], [ %now, %leave ]
  %count = phi i64 [ 0, %wake ], [ %more, %pause ], [ 0, %leave ]
  %job = load atomic i64, ptr %words seq_cst, align 8
  %none = icmp eq i64 %job, 0
  %old = icmp eq i64 %job, %seen
  %nothing = or i1 %none, %old
  br i1 %nothing, label %wait, label %join
wait:
  %halt = load atomic i64, ptr %stop monotonic, align 8
  %halted = icmp ne i64 %halt, 0
  %spent = icmp sge i64 %count, %spins
  %tired = or i1 %halted, %spent
  br i1 %tired, label %sleep, label %pause
pause:
  {pause}
  %more = add i64 %count, 1
  br label %look
join:
  %before = atomicrmw add ptr %inside, i64 1 seq_cst
  %now = load atomic i64, ptr %words seq_cst, align 8
  %closed = icmp eq i64 %now, 0
  br i1 %closed, label %leave, label %work
work:
  call void @pool_share(ptr %words, i64 %index)
  br label %leave
leave:
  %after = atomicrmw sub ptr %inside, i64 1 seq_cst
  br label %look
sleep:
  store atomic i64 0, ptr %awake seq_cst, align 8
  %missed = load atomic i64, ptr %words seq_cst, align 8
  %empty = icmp eq i64 %missed, 0
  %known = icmp eq i64 %missed, %seen
  %idle = or i1 %empty, %known
  %rest = or i1 %idle, %halted
  br i1 %rest, label %exit, label %wake
exit:
  ret void
}}

define void @pool_run(ptr %words, ptr %record, i64 %job, i64 %phase) nounwind {{
entry:
  %inside = getelementptr i64, ptr %words, i64 {INSIDE}
  %record.p = getelementptr i64, ptr %words, i64 {RECORD}
  %status = getelementptr i64, ptr %words, i64 {STATUS}
  %awake = getelementptr i64, ptr %words, i64 {AWAKE}
  switch i64 %phase, label %close [ i64 {START}, label %start  i64 {SHARE}, label %share ]
start:
  store ptr %record, ptr %record.p
  store atomic i64 %job, ptr %words seq_cst, align 8
  %threads.p = getelementptr i64, ptr %record, i64 {THREADS}
  %threads = load i64, ptr %threads.p
  br label %ask
ask:
  %helper = phi i64 [ 1, %start ], [ %next, %asked ]
  %all = icmp sge i64 %helper, %threads
  br i1 %all, label %share, label %asked
asked:
  %next = add i64 %helper, 1
  %own = getelementptr i64, ptr %awake, i64 %helper
  %up = load atomic i64, ptr %own seq_cst, align 8
  %sleeps = icmp eq i64 %up, 0
  br i1 %sleeps, label %sleepers, label %ask
sleepers:
  store i64 {SLEEPERS}, ptr %status
  ret void
share:
  call void @pool_share(ptr %words, i64 0)
  br label %close
close:
  store atomic i64 0, ptr %words seq_cst, align 8
  br label %look
look:
  %count = phi i64 [ 0, %close ], [ %more, %pause ]
  %busy = load atomic i64, ptr %inside seq_cst, align 8
  %left = icmp eq i64 %busy, 0
  br i1 %left, label %done, label %wait
wait:
  %spent = icmp sge i64 %count, {SPINS}
  br i1 %spent, label %late, label %pause
pause:
  {pause}
  %more = add i64 %count, 1
  br label %look
late:
  store i64 {BUSY}, ptr %status
  ret void
done:
  store i64 {DONE}, ptr %status
  ret void
}}
"""


def pool_text(family: str) -> str:
    """The native code of callers and helpers as LLVM IR, for a family of processors."""
    names = "RECORD THREADS ARGUMENTS SCRATCH INSIDE STOP AWAKE STATUS START SHARE SLEEPERS BUSY"
    words = {name: globals()[name] for name in f"{names} SPINS DONE".split()}
    pause = _PAUSE.get(family, "")
    declare = pause.replace("call", "declare").replace("i32 1", "i32")
    return _TEXT.format(pause=pause, declare=declare, **words)
