"""The public names of packages: all are there, none is loaded before it is touched."""

import importlib
import subprocess
import sys

import pytest

PACKAGES = ["lanework", *(f"lanework.machines.{name}" for name in ("belief", "register", "series"))]


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_are_there_and_listed(name):
    package = importlib.import_module(name)
    for public in package.__all__:
        assert getattr(package, public) is getattr(package, public)
    assert set(package.__all__) <= set(dir(package))


@pytest.mark.parametrize("name", PACKAGES)
def test_unknown_names_are_refused_as_python_does(name):
    package = importlib.import_module(name)
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        package.nothing  # noqa: B018
    assert not hasattr(package, "__wrapped__")


@pytest.mark.parametrize("name", PACKAGES[1:])
def test_a_machine_loads_nothing_until_it_is_touched(name):
    code = (
        f"import sys, {name}; dir({name});"
        f" print([m for m in sys.modules if m.startswith('{name}.') and 'model' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_functions_of_the_formula_language_are_names_of_the_series_machine():
    import lanework as lw

    assert lw.series.cumsum.__name__ == "cumsum"
    assert {"cumsum", "Model", "read_columns"} <= set(dir(lw.series))
