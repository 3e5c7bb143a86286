"""Tensors with keyed axes, and what they can be multiplied and summed by: the definition.

`tensor` has axes and specs, and puts an array's axes where another tensor has them; `semiring`
says what adding and multiplying mean, and `custom` holds semirings of the user's own to that;
`kernels` has products, sums, quotients and choices over any semiring; `selector` the tensors that
say which mode a state belongs to. Nothing here knows of programs, lanes are axes after all others.
"""
