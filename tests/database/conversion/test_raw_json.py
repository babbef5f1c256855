import json

import pytest

from fractal_models.database.conversion.raw_json import elements, joined, listed, members

ODD = '{"z" : 1.0, "a":\t1e400, "ü\\u00fc" : [ 1, {"b": null} ] , "n": -0.10 }'


def test_values_stay_as_they_were_written() -> None:
    found = members(ODD)

    assert found == {"z": "1.0", "a": "1e400", "üü": '[ 1, {"b": null} ]', "n": "-0.10"}
    assert joined(found) == '{"z": 1.0, "a": 1e400, "\\u00fc\\u00fc": [ 1, {"b": null} ], "n": -0.10}'


def test_lists_are_taken_apart() -> None:
    assert elements('[ 1 , "a,b",{} ]') == ["1", '"a,b"', "{}"]
    assert json.loads(listed(["1", "{}"])) == [1, {}]
    assert (elements("[]"), members("{ }")) == ([], {})


@pytest.mark.parametrize("text", ["null", "[]", '"{}"', "{", '{"a": 1', "{a: 1}", ""])
def test_other_text_is_no_object(text: str) -> None:
    assert members(text) is None
