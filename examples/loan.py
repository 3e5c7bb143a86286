"""A loan written in Python: text, operators over handles, and an ordinary function.

python examples/loan.py
"""

import numpy as np

import lanework as lw

series = lw.series


def loan() -> lw.series.Model:
    model = lw.series.Model("loan", periods=120, start="2025-01-01", freq="month")
    model.input("principal", unit="USD", kind="stock", default=100_000)
    rate = model.input("rate", unit="1/year", kind="rate", axes="scenario", default=0.06)

    # As text, in any order: `closing` comes later.
    model.formula("opening", "prev(closing, initial=principal)", kind="stock")

    # With operators over handles.
    model["interest"] = model["opening"] * series.per_period(rate)
    model["closing"] = model["opening"] + model["interest"] - model["payment"]

    # As a function whose parameters are nodes. It runs once and records what it does.
    @model.node(unit="USD", kind="flow")
    def payment(opening, interest, principal):
        """A hundredth of the principal a month, as long as something is owed."""
        return series.min(opening + interest, principal / 100)

    model["repaid"] = series.prev(model["repaid"]) + model["payment"]
    model.outputs("closing", "repaid")
    return model


if __name__ == "__main__":
    result = loan().run(rate=np.array([0.03, 0.06, 0.09]))
    print(result)
    print("owed after ten years:", result["closing"][-1].round(2))
