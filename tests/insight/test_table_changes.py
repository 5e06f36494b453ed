"""What is worth saying of two versions of a dataset."""

from orchard.insight import Column, Retyped, Shift, TableInsight, TopValue, table_changes


def table(*columns: Column, rows: int = 100, whole: bool = True, counted: str = "read", width: int = 0) -> TableInsight:
    return TableInsight(
        format="csv",
        columns=columns,
        rows=rows,
        sampled=rows,
        whole=whole,
        counted="estimate" if counted == "estimate" else "read",
        width=width or len(columns),
    )


def number(
    name: str, *, mean: float, deviation: float = 1.0, low: float = 0, high: float = 10, nulls: int = 0
) -> Column:
    return Column(name=name, type="DOUBLE", nulls=nulls, low=low, high=high, mean=mean, deviation=deviation)


def test_equal_tables_have_no_changes() -> None:
    same = table(number("a", mean=1), Column(name="b", type="VARCHAR"))

    changes = table_changes(same, same)

    assert not changes.schema_changed
    assert not changes.shifts
    assert not changes.reordered
    assert (changes.rows_before, changes.rows_after, changes.sampled, changes.narrowed) == (100, 100, False, False)


def test_columns_are_known_by_their_names() -> None:
    before = table(Column(name="a", type="BIGINT"), Column(name="b", type="BIGINT"), Column(name="c", type="DATE"))
    after = table(
        Column(name="c", type="DATE"), Column(name="a", type="VARCHAR"), Column(name="d", type="DOUBLE"), rows=120
    )

    changes = table_changes(before, after)

    assert changes.added == (Column(name="d", type="DOUBLE"),)
    assert changes.removed == (Column(name="b", type="BIGINT"),)
    assert changes.retyped == (Retyped(name="a", before="BIGINT", after="VARCHAR"),)
    assert changes.reordered
    assert changes.schema_changed
    assert changes.rows_after == 120


def test_shifts_that_matter_are_said_and_small_ones_are_not() -> None:
    before = table(
        number("steady", mean=5.0),
        number("moved", mean=5.0),
        number("spread", mean=5.0),
        number("ends", mean=5.0),
        number("holes", mean=5.0),
    )
    after = table(
        number("steady", mean=5.05, deviation=1.1, high=10.2),
        number("moved", mean=5.2),
        number("spread", mean=5.0, deviation=1.5),
        number("ends", mean=5.0, low=-3, high=12),
        number("holes", mean=5.0, nulls=1),
    )

    assert table_changes(before, after).shifts == (
        Shift(name="moved", what="mean", before=5.0, after=5.2),
        Shift(name="spread", what="deviation", before=1.0, after=1.5),
        Shift(name="ends", what="low", before=0, after=-3),
        Shift(name="ends", what="high", before=10, after=12),
        Shift(name="holes", what="nulls", before=0.0, after=0.01),
    )


def test_new_labels_and_new_days_are_said() -> None:
    def columns(labels: int, day: str) -> tuple[Column, ...]:
        top = (TopValue(value="cat", rows=9),)
        return (
            Column(name="label", type="VARCHAR", distinct=labels, top=top, low="a", high=f"z{labels}"),
            Column(name="day", type="DATE", low="2024-01-01", high=day),
        )

    changes = table_changes(table(*columns(3, "2024-02-01")), table(*columns(4, "2024-03-01")))

    assert changes.shifts == (
        Shift(name="label", what="distinct", before=3, after=4),
        Shift(name="day", what="high", before="2024-02-01", after="2024-03-01"),
    )


def test_what_is_not_sure_is_said() -> None:
    whole = table(number("a", mean=1))
    part = table(number("a", mean=1), whole=False, counted="estimate", width=2000)

    changes = table_changes(whole, part)

    assert (changes.sampled, changes.estimated, changes.narrowed) == (True, True, True)


def test_a_table_without_rows_has_no_shifts() -> None:
    empty = table(Column(name="a", type="DOUBLE", nulls=0), rows=0)

    assert not table_changes(empty, table(number("a", mean=1))).shifts
