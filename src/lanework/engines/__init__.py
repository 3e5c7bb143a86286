"""Floor 2: how a tape runs, free of the machine whose tape it is.

1. A machine says what is to be computed: as a loop nest over lanes and time (`loops.py`), a record
   of a tensor kernel (`tensors/`), or code of its own.
   Lanes that branch are blocks of steps (`lanes/`). Both writers of nests may take steps in another
   order, in which few values wait (`ordering.py`).
2. Code is made of it: `llvm/` compiles a nest, and keeps what it made; `vector/` copies and patches
   stencils, which `stencil/` cut out of object code when the package was built, and whose memory
   it manages; `gpu/` hands kernels to a graphics device.
3. What comes out is a `Kernel` (`kernel.py`). `native.py` runs one over units of lanes on threads,
   with an eye on Ctrl-C and deadlines: long ones on threads that end with the process
   (`workers.py`), short ones with helpers that wait in native code (`threadpool.py`,
   `threadtext.py`). `callbacktext.py` has functions that a solver calls, which run kernels where
   these stand; `signals.py` lets Ctrl-C through to Python. Such helpers are shipped, or come from
   LLVM (`helping.py`).
"""
