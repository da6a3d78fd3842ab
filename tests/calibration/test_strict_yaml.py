"""The YAML loader: values as they stand in the file, every trap refused with its line."""

import math
import string
import time

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from calibration import strict_yaml
from calibration.errors import InputError
from calibration.strict_yaml import MAX_BYTES, MAX_DEPTH, load, loads


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def parser(request, monkeypatch):
    """Every test runs with the C parser and with the one in Python: PyYAML may come with either."""
    if not hasattr(yaml, request.param):
        pytest.skip("this PyYAML was built without its C parser")
    loader = getattr(yaml, request.param)
    monkeypatch.setattr(strict_yaml, "_events", lambda text: yaml.parse(text, Loader=loader))


def messages(content, file="a.yaml"):
    with pytest.raises(InputError) as caught:
        loads(content, file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("1e-6", 1e-6),
        ("1E6", 1e6),
        ("6.02e+23", 6.02e23),
        (".5", 0.5),
        ("1.", 1.0),
        ("-0.0", -0.0),
        ("0e0", 0.0),
        ("0e5", 0.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2010-07-01", "2010-07-01"),
        ("=", "="),
        ("1e", "1e"),
        ("e5", "e5"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("01T03", "01T03"),
        ("China (mainland)", "China (mainland)"),
    ],
)
def test_a_plain_scalar_is_what_people_expect(text, value):
    loaded = loads(f"key: {text}\n").data["key"]
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("010", "a.yaml:1: key: number 010 with a leading zero is not allowed; expected the number 10"),
        ("-007", "leading zero"),
        ("0o17", "another base"),
        ("0x1F", "another base"),
        ("0b11", "another base"),
        (".nan", "expected a finite number"),
        ("-.inf", "expected a finite number"),
        (".Inf", "expected a finite number"),
        ("1e400", "between 1e-307 and 1e308"),
        ("1e-400", "between 1e-307 and 1e308"),
        ("1" * 19, "at most 18 digits"),
        ("1" * 5000, "at most 18 digits"),
        ("!!str 5", "tag"),
        ("!!python/object/apply:os.system ['true']", "tag"),
        ("! x", "tag"),
        ("&a 5", "anchor &a is not allowed"),
        ("*a", "alias *a is not allowed"),
    ],
)
def test_what_has_more_than_one_reading_is_refused(text, part):
    assert part in messages(f"key: {text}\n")


def test_repeated_keys_are_named_with_both_lines():
    text = "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 4\n'a': 5\n"
    assert messages(text).splitlines() == [
        "a.yaml:5: b.c: repeated key; first used in line 3",
        "a.yaml:6: a: repeated key; first used in line 1",
        "a.yaml:7: a: repeated key; first used in line 1",
    ]


@pytest.mark.parametrize("keys", [("1", "'1'"), ("1", "+1"), ("'x'", '"x"')])
def test_keys_that_would_fall_together_are_repeated(keys):
    assert "repeated key" in messages(f"{keys[0]}: a\n{keys[1]}: b\n")


def test_equal_keys_in_different_mappings_are_fine():
    assert loads("- {a: 1}\n- {a: 2}\n").data == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("key", ["true", "~", "1.5", "null"])
def test_a_key_is_text_or_a_whole_number(key):
    assert f'for text write "{key}"' in messages(f"{key}: 1\n")


def test_years_may_be_keys():
    assert loads("2010: 1\n2011: 2\n").data == {2010: 1, 2011: 2}


def test_all_problems_are_told_at_once():
    assert len(messages("a: .nan\nb: 010\nc: *x\nd: !t 1\n").splitlines()) == 4


def test_anchors_aliases_and_merge_keys():
    text = messages("base: &base {a: 1}\nother:\n  <<: *base\n")
    assert "a.yaml:1: base: anchor &base is not allowed" in text
    assert "merge key << is not allowed" in text
    assert "alias *base is not allowed" in text
    assert loads("'<<': 1\n").data == {"<<": 1}


def test_an_alias_bomb_is_refused_at_once():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
    began = time.perf_counter()
    assert "anchor &a0" in messages(bomb)
    assert time.perf_counter() - began < 2


def test_an_alias_as_a_key_does_not_shift_the_keys_after_it():
    text = messages("a: &x 1\n*x : 2\nb: .nan\n")
    assert "a.yaml:3: b: .nan is not allowed" in text


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "{? "])
def test_deep_nesting_is_refused_and_quick(opening):
    began = time.perf_counter()
    text = messages(opening * 50_000)
    assert time.perf_counter() - began < 5
    assert "nested deeper than 32 levels" in text or "as a key" in text or "not YAML" in text


def test_the_depth_that_is_allowed():
    assert loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert "nested deeper" in messages("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_too_many_values(monkeypatch):
    monkeypatch.setattr(strict_yaml, "MAX_VALUES", 10)
    assert loads("[1, 2, 3, 4, 5, 6, 7, 8, 9]")
    assert "more than 10 values" in messages("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")


def test_too_large(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"# " + b"x" * MAX_BYTES)
    with pytest.raises(InputError, match="larger than the limit of 2 MB"):
        load(path)
    assert "larger than the limit" in messages("x" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a:\n\tb: 1\n", "a.yaml:2: a tab indents this line; expected spaces"),
        ("a: 1\n\tb: 2\n", "a.yaml:2: a tab indents this line; expected spaces"),
        ("", "a.yaml: the file holds no values"),
        ("# nothing here\n", "a.yaml: the file holds no values"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: a second document starts here; expected one document in a file"),
        ("%YAML 1.1\n---\na: 1\n", "a.yaml:"),
        ("? [a]\n: b\n", "a.yaml:1: a mapping or a list as a key; expected text"),
        (b"a: 1\nb: \xff\n", "a.yaml:2: byte 0xff is not UTF-8 text; expected a file saved as UTF-8"),
        ("a: 1\n".encode("utf-16"), "is not UTF-8 text"),
        ("a: 1\nb: \x00\n", "a.yaml:2: character U+0000 cannot be seen"),
        ("a: \x1b[2J\n", "a.yaml:1: character U+001B"),
        ("a: x\u202ey\n", "a.yaml:1: character U+202E"),
        ("a: x\u2028y\n", "a.yaml:1: character U+2028"),
        ("a\u200b: 1\n", "a.yaml:1: character U+200B"),
        ("a: [1, 2\nb: 3\n", "that starts in line 1"),
        ("a: 'x\nb: 1\n", "that starts in line 1"),
        ("a: b: c\n", "a.yaml:1:"),
        ("a: @x\n", "a.yaml:1:"),
        ("a: %x\n", "a.yaml:1:"),
    ],
)
def test_faults_of_the_file_are_told_with_their_line(content, message):
    assert message in messages(content)


def test_a_byte_order_mark_and_windows_line_ends_are_fine():
    document = loads(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert document.data == {"a": 1, "b": 2}
    assert document.line(("b",)) == 2


def test_every_value_knows_its_line():
    document = loads(
        "# comment\na:\n  b: 1\n  c:\n    - x\n    -\n      d: 2\ne: >\n  folded\n  text\nf: 3\n"
    )
    lines = {
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", 0): 5,
        ("a", "c", 1, "d"): 7,
        ("e",): 8,
        ("f",): 11,
    }
    assert {path: document.line(path) for path in lines} == lines
    assert document.data["e"] == "folded text\n"


def test_the_line_of_what_is_missing_is_that_of_what_is_around_it():
    document = loads("a: 1\nb:\n  c: 1\n")
    assert document.line(("b", "zzz", 3)) == 2
    assert str(document.problem(("b", "zzz"), "missing key")) == "<text>:2: b.zzz: missing key"


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_said_so(tmp_path, kind):
    path = tmp_path / "x.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        import os

        os.mkfifo(path)
    with pytest.raises(InputError, match=r"x\.yaml: (no such file|not a regular file)"):
        load(path)


PLAIN = st.text(alphabet=string.printable[:95] + "äΔ…\n\t", max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES.filter(lambda value: value is not None))
@example({"NO": "NO", "1e-6": "1e-6", "12:30": "010"})
@example([1e-14, 1e16, -0.0, 1.5e300])
def test_what_another_program_wrote_is_read_back(value):
    """Written by PyYAML with all text quoted, so that its YAML 1.1 and our 1.2 agree on what is text."""
    text = yaml.dump(value, Dumper=_QuotedText, allow_unicode=True)
    assert loads(text).data == value


class _QuotedText(yaml.SafeDumper):
    """Quotes text and never uses anchors."""

    def ignore_aliases(self, data):
        return True


_QuotedText.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)

SNIPPETS = st.sampled_from(
    [
        "a",
        ": ",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&x",
        "*x",
        "!t ",
        "<<",
        "'",
        '"',
        "|",
        ">",
        "#",
        "? ",
        "1",
    ]
    + [
        "e-6",
        ".nan",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\t",
        "\\",
        "\x00",
        "é",
        "~",
        "@",
        "`",
        "\r",
        "\ufeff",
        "0x1",
    ]
)


@given(st.lists(SNIPPETS, max_size=40).map("".join) | st.text(max_size=60) | st.binary(max_size=60))
@example("a: !!float 1")
@example("a: [\n")
@example("'")
@example("\ud800")
def test_any_input_is_read_or_refused_with_a_message(content):
    """Nothing but an InputError escapes, and what is read holds plain finite values with a line for each."""
    try:
        document = loads(content)
    except InputError as error:
        # Whatever is wrong is told with a line that the file has.
        last = len(content.splitlines()) + 1 if content else 1
        assert all(p.what and 1 <= (p.line or 1) <= last for p in error.problems)  # noqa: PT017
        return
    _check(document.data, (), document)


def _check(value, path, document):
    assert document.lines[path] >= 1
    if isinstance(value, dict):
        for key, inner in value.items():
            assert type(key) in (str, int)
            _check(inner, (*path, key), document)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _check(inner, (*path, position), document)
    else:
        assert value is None or type(value) in (str, int, float, bool)
        assert not isinstance(value, float) or math.isfinite(value)
