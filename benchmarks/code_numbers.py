"""Figures about the code: `python benchmarks/code_numbers.py [--commands] [--coverage FILE]`.

Size, names, complexity, docstrings and parameters that are only handed on, as a table; with
``--commands`` what each command imports, and the CPU seconds and memory of those that only look;
with ``--coverage`` the branch coverage of a data file that `pytest --cov` wrote.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONG = 300
LAYERS = 2
HEAVY = ("ray", "torch")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> dict[Path, ast.Module]:
    """The modules of the package."""
    return {path: ast.parse(path.read_text()) for path in sorted((ROOT / "raynas").rglob("*.py"))}


def class_names_twice(trees: dict[Path, ast.Module]) -> int:
    """Class names with more than one definition, but for the stand-in of exported code."""
    names = Counter(
        node.name
        for path, tree in trees.items()
        if path.name != "stand_in.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    return sum(count > 1 for count in names.values())


def complex_functions() -> int:
    """Functions that are more complex than 10, suppressed findings included."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "C901", "--ignore-noqa"]
    found = subprocess.run(
        [*command, "--output-format", "json", "raynas"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return len(json.loads(found.stdout))


def docstring_findings(trees: dict[Path, ast.Module]) -> tuple[int, int]:
    """Docstring entries that do not stand alone, and lines in words that the field lacks."""
    sys.path.insert(0, str(ROOT / "tests"))
    from test_prose import dialect, fragments

    sources = [path.read_text() for path in trees]
    return sum(len(fragments(text)) for text in sources), sum(
        len(dialect(text)) for text in sources
    )


def handed_on(function: FunctionNode) -> Iterator[tuple[str, str]]:
    """Each parameter that `function` does nothing with but pass to one call, and the callee."""
    names = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)} - {
        "self",
        "cls",
    }
    uses = Counter(
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names
    )
    for call in ast.walk(function):
        if not isinstance(call, ast.Call):
            continue
        callee = getattr(call.func, "id", getattr(call.func, "attr", ""))
        for given in (*call.args, *(each.value for each in call.keywords)):
            if isinstance(given, ast.Name) and uses[given.id] == 1:
                yield given.id, callee


def longest_chains(trees: dict[Path, ast.Module]) -> list[tuple[str, ...]]:
    """Chains of more functions than `LAYERS` that only hand on a parameter of the same name.

    Calls are resolved by name, where the name has a single definition.
    """
    defined: dict[str, list[FunctionNode]] = defaultdict(list)
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, FunctionNode):
                defined[node.name].append(node)
            elif isinstance(node, ast.ClassDef):
                made = [
                    n for n in node.body if isinstance(n, FunctionNode) and n.name == "__init__"
                ]
                defined[node.name] += made
    alone = {name: nodes[0] for name, nodes in defined.items() if len(nodes) == 1}
    takes = {
        name: {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
        for name, node in alone.items()
    }
    after = {
        (name, parameter): callee
        for name, node in alone.items()
        for parameter, callee in handed_on(node)
        if callee != name and parameter in takes.get(callee, ())
    }
    entered = {(callee, parameter) for (_, parameter), callee in after.items()}
    chains = []
    for name, parameter in after.keys() - entered:
        chain = [name]
        while (callee := after.get((chain[-1], parameter))) and callee not in chain:
            chain.append(callee)
        if len(chain) > LAYERS + 1:  # the last one uses it
            chains.append((parameter, *chain))
    return sorted(chains)


def imports_of(command: list[str]) -> list[str]:
    """Which of Ray and torch the help of a command imports."""
    code = (
        "import sys\nsys.argv = ['raynas', *sys.argv[1:]]\nfrom raynas.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    )
    run = [sys.executable, "-c", code, *command]
    return subprocess.run(run, capture_output=True, text=True, check=True).stderr.split()


def branch_coverage(file: Path) -> float:
    """Percent of lines and branches covered, by a data file of coverage.py."""
    command = [sys.executable, "-m", "coverage", "report", f"--data-file={file}", "--format=total"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", action="store_true")
    parser.add_argument("--coverage", type=Path)
    asked = parser.parse_args()
    trees = modules()
    lengths = [path.read_text().count("\n") for path in trees]
    fragments, dialect = docstring_findings(trees)
    chains = longest_chains(trees)
    print(f"{'lines':<50}{sum(lengths):>8}")
    print(f"{'modules':<50}{len(lengths):>8}")
    print(f"{f'modules over {LONG} lines':<50}{sum(length > LONG for length in lengths):>8}")
    print(f"{'class names defined twice':<50}{class_names_twice(trees):>8}")
    print(f"{f'parameters through more than {LAYERS} layers':<50}{len(chains):>8}")
    share = 1000 * complex_functions() / sum(lengths)
    print(f"{'functions of complexity over 10 per 1,000 lines':<50}{share:>8.2f}")
    print(f"{'docstring entries that are fragments':<50}{fragments:>8}")
    print(f"{'lines in dialect':<50}{dialect:>8}")
    for parameter, *chain in chains:
        print(f"  {parameter}: {' → '.join(chain)}")
    if asked.coverage:
        print(f"{'branch coverage, %':<50}{branch_coverage(asked.coverage):>8.1f}")
    if asked.commands:
        from raynas.cli.lazy import COMMANDS

        for name in COMMANDS:
            heavy = ", ".join(imports_of([name, "--help"])) or "neither"
            print(f"{f'raynas {name} --help imports of Ray and torch':<50}{heavy:>8}")
        from first_minute import main as measure

        measure()


if __name__ == "__main__":
    main()
