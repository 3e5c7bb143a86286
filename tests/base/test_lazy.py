"""The public names of packages: all are there, none is loaded before it is touched."""

import importlib
import pickle
import subprocess
import sys

import pytest

MACHINES = ("belief", "fleet", "register", "series")
PACKAGES = ["lanework", *(f"lanework.machines.{name}" for name in MACHINES)]


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


@pytest.mark.parametrize("name", [*PACKAGES, *(f"lanework.{name}" for name in MACHINES)])
def test_dir_lists_what_is_public_and_no_more(name):
    """Even after inner modules were loaded, which makes them attributes of the package."""
    code = (
        f"import sys, json, lanework.core.cli, {name}\n"
        "from lanework.core.cli import command_lines\n"
        "command_lines()\n"
        f"module = sys.modules[{name!r}]\n"
        "extra = {n for n in dir(module) if n[:2] != '__'} - set(module.__all__)\n"
        "import lanework.machines.series.language.functions as f\n"
        f"print(sorted(extra - (set(f.functions()) if {name!r}.endswith('series') else set())))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", MACHINES)
def test_machines_are_imported_by_their_short_names(name):
    short = importlib.import_module(f"lanework.{name}")
    home = importlib.import_module(f"lanework.machines.{name}")
    assert short.__doc__ == home.__doc__
    assert short.__all__ == home.__all__
    assert dir(short) == [name for name in dir(home) if name[:2] != "__"]
    for public in short.__all__:
        assert getattr(short, public) is getattr(home, public)
    names: dict = {}
    exec(f"from lanework.{name} import *", names)
    assert set(names) - {"__builtins__"} == set(home.__all__)
    with pytest.raises(ModuleNotFoundError, match="not a package"):  # and not a second copy of it
        importlib.import_module(f"lanework.{name}.machine")


@pytest.mark.parametrize(
    ("module", "misspelt", "meant"),
    [
        ("lanework", "complie", "compile"),
        ("lanework", "Programm", "Program"),
        ("lanework.series", "modell", "Model"),
        ("lanework.series", "cumsumm", "cumsum"),
        ("lanework.machines.belief", "inferr", "infer"),
        ("lanework.register", "asemble", "assemble"),
        ("lanework.fleet", "link_", "link"),
    ],
)
def test_misspelt_names_say_which_was_meant(module, misspelt, meant):
    with pytest.raises(AttributeError, match=f"no attribute '{misspelt}': did you mean '{meant}'"):
        getattr(importlib.import_module(module), misspelt)
    with pytest.raises(ImportError):
        exec(f"from {module} import {misspelt}", {})


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("lanework", "Model", "it is lanework.series.Model"),
        ("lanework", "infer", "it is lanework.belief.infer"),
        ("lanework", "irr", "it is lanework.series.irr"),
        ("lanework", "cumsum", "it is lanework.series.cumsum"),
        ("lanework", "FactorGrapf", "did you mean 'FactorGraph' of lanework.belief?"),
        ("lanework.series", "infer", "it is lanework.belief.infer"),
        ("lanework.belief", "Model", "it is lanework.series.Model"),
        ("lanework.machines.register", "Limits", "it is lanework.Limits"),
        ("lanework", "LossNotice", "it is lanework.fleet.LossNotice"),
    ],
)
def test_names_of_another_part_say_where_they_are(module, name, said):
    with pytest.raises(AttributeError) as error:
        getattr(importlib.import_module(module), name)
    assert str(error.value).endswith(f"has no attribute {name!r}: {said}")
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_functions_of_the_formula_language_are_names_of_the_series_machine():
    import lanework as lw

    assert lw.series.cumsum.__name__ == "cumsum"
    assert {"cumsum", "Model", "read_columns"} <= set(dir(lw.series))
