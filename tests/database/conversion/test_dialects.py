import pytest

from fractal_models.database.conversion.dialects import dated, stored_date


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2023-01-01 05:00:00.000001", "2023-01-01 05:00:00.000001"),
        ("2000-01-01 00:00:00+00:00", "2000-01-01 00:00:00.000000"),
        ("2023-01-01 05:00:00.5+02:00", "2023-01-01 03:00:00.500000"),
        ("yesterday", "yesterday"),
        (None, None),
    ],
)
def test_timestamps_of_sqlite_get_one_form(text: str | None, stored: str | None) -> None:
    assert stored_date(text) == stored


@pytest.mark.parametrize(
    ("dump", "expected"),
    [
        ('{"z": 1, "a": 1e400} ', '{"z": 1, "a": 1e400, "timestamp_created": "D"}'),
        ('{"a": {"timestamp_created": 1}}', '{"a": {"timestamp_created": 1}, "timestamp_created": "D"}'),
        ('{"timestamp_created": null}', '{"timestamp_created": null}'),
        ("null", "null"),
        (None, None),
    ],
)
def test_date_is_added_once(dump: str | None, expected: str | None) -> None:
    assert dated(dump, "D") == expected
