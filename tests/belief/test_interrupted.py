"""A run that was stopped half way leaves nothing behind for the next."""

import numpy as np
import pytest
from graphs import chain

import lanework as lw


def program():
    return lw.belief.compile_graph(chain())


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_row_after_one_that_was_stopped(error):
    run = program().bind("native")
    rows = [{"c": "0"}, {"a": "1"}, {}, {"b": "2", "c": "1"}, {"a": "0", "b": "0"}]
    right = [run(row) for row in rows]
    single = run._single
    assert single is not None
    native = single._run

    def stopped(*arguments):
        native(*arguments)
        raise error

    for stopped_at in rows:
        for row, known in zip(rows, right, strict=True):
            single._run = stopped
            with pytest.raises(error):
                run(stopped_at)
            single._run = native
            result = run(row)
            for name in "abc":
                np.testing.assert_array_equal(result[name], known[name])
