"""Values that are made when somebody looks."""

from __future__ import annotations

from tuidock.widgets.later import Cells, Figures


def never() -> tuple[str, ...]:
    raise AssertionError("made though nobody looked")


def test_rows_are_compared_without_being_made() -> None:
    """Fails when equality looks into the cells, which 500 rows a second would pay for."""
    one, same, other = (Cells(never, lambda n=n: (n,)) for n in (1, 1, 2))
    assert one == same
    assert one != other
    assert hash(one) == hash(same)


def test_what_is_made_stays() -> None:
    made: list[int] = []

    def make() -> tuple[str, ...]:
        made.append(1)
        return ("a", "b")

    cells = Cells(make, lambda: (1,))
    assert (len(cells), cells[1], cells[:1], list(cells)) == (2, "b", ("a",), ["a", "b"])
    assert made == [1]


def test_figures_are_a_mapping() -> None:
    figures = Figures(lambda: {"cpu": 1.0})
    assert ("cpu" in figures, figures.get("memory", 0.0), len(figures)) == (True, 0.0, 1)
    assert dict(figures) == {"cpu": 1.0}
