"""Files from somebody who means harm: refused with a message, in bounded time and memory."""

import csv
import gzip
import io
import json
import zipfile

import h5netcdf
import numpy as np
import pytest

from calibration.errors import InputError
from calibration.evidence.patents import raw_tables
from calibration.files import read_bytes, write_text
from outputs import intact, store
from scenarios.sweeps.storage import Store


def message(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


# ------------------------------------------------------------------ bombs


def test_a_packed_file_is_not_unpacked_beyond_the_limit(tmp_path):
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb") as stream:
        for _ in range(20):
            stream.write(bytes(1_000_000))
    assert path.stat().st_size < 100_000
    assert "larger than the limit of 1 MB" in message(read_bytes, path, 1_000_000)


@pytest.mark.parametrize("name", ["p.jsonl.gz", "p.csv.gz"])
def test_a_line_without_an_end_is_refused_at_the_limit(tmp_path, monkeypatch, name):
    monkeypatch.setattr(raw_tables, "MAX_RECORD", 10_000)
    path = tmp_path / name
    path.write_bytes(
        gzip.compress(b'id\n"' + b"x" * 1_000_000 if "csv" in name else b'{"id": "' + b"x" * 1_000_000)
    )
    before = csv.field_size_limit()
    text = message(list, raw_tables.records(path))
    assert "longer than 0.01 million characters" in text or "field larger than field limit" in text
    assert csv.field_size_limit() == before  # which holds for the whole process


def test_a_result_that_claims_terabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "results.nc"
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"a": 10**6, "b": 10**6}
        file.create_variable("x", ("a", "b"), "f8", chunks=(1000, 1000), compression="gzip")
    assert path.stat().st_size < 100_000
    assert "unpacks to 8,000,000 MB; expected 2000 MB at most" in message(store.read_netcdf, path)


def npz(**changes):
    stream = io.BytesIO()
    np.savez(stream, **{"values": np.ones((4, 2)), "reasons": np.array(["", "", "", ""]), **changes})
    return stream.getvalue()


def claimed():
    """A part whose header names far more numbers than there are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(npz())) as good, zipfile.ZipFile(stream, "w") as archive:
        content = good.read("values.npy")
        archive.writestr(
            "values.npy", content.replace(b"(4, 2), }" + b" " * 12, b"(4, 99999999999999), }"[:21])
        )
        archive.writestr("reasons.npy", good.read("reasons.npy"))
    return stream.getvalue()


SPOILT = {
    "pickled": npz(values=np.array([[print, 1]] * 4, dtype=object)),
    "another shape": npz(values=np.ones((4, 3))),
    "cut short": npz()[:100],
    "no archive": b"values",
    "fewer reasons": npz(reasons=np.array([""])),
    "a header that lies": claimed(),
}


@pytest.mark.parametrize("content", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_part_of_a_sweep_is_computed_again(tmp_path, content):
    place = Store(tmp_path, 4, 2, 4)
    place.path(0).parent.mkdir()
    place.path(0).write_bytes(content)
    assert place.read(0) is None
    place.path(0).write_bytes(npz())
    assert place.read(0).values.shape == (4, 2)


# ------------------------------------------------------------------ results of somebody else


HOSTILE = {
    "a variable that is missing": (lambda ds: ds.drop_vars("licence_rent"), "licence_rent: is not there"),
    "other axes": (
        lambda ds: ds.assign(walras=ds["walras"].isel(regime=0)), "walras: has the axes scenario instead of"
    ),
    "no number": (lambda ds: ds.assign(trade=ds["trade"] * np.nan), "trade: holds a number that is not finite"),
    "text for numbers": (lambda ds: ds.assign(trade=ds["trade"].astype(str)), "trade: holds"),
    "an unknown regime": (
        lambda ds: ds.assign_coords(regime=["exogenous", "directed", "<b>"]), "unknown regime '<b>'"
    ),
    "a label twice": (lambda ds: ds.assign_coords(region=["R0", "R0", "R2"]), "region: has a label twice"),
    "labels that are numbers": (lambda ds: ds.assign_coords(region=[1, 2, 3]), "region: has labels that are no names"),
    "an attribute that is no text": (lambda ds: ds.assign_attrs(title=3.0), "attribute the number 3.0 is not text"),
    "an attribute that is not JSON": (lambda ds: ds.assign_attrs(limits="["), "limits: attribute is not JSON"),
    "JSON of another kind": (lambda ds: ds.assign_attrs(limits="{}"), "limits: attribute is not a JSON list"),
    "a mapping in a list": (lambda ds: ds.assign_attrs(notes="[1]"), "notes: attribute holds what is not text"),
    "a force that is none": (lambda ds: ds.assign_coords(force=[f"x{n}" for n in range(ds.sizes["force"])]), "force"),
    "half of the forces": (lambda ds: ds.drop_vars("other_exports_by_force"), "force: is an axis of some"),
    "the regime decomposed": (lambda ds: ds.assign_attrs(decomposed="x"), "decomposed: attribute names no regime"),
}  # fmt: skip


@pytest.mark.parametrize("change, text", HOSTILE.values(), ids=HOSTILE)  # noqa: PT006
def test_what_is_not_a_result_is_refused_with_what_is_wrong(solved, change, text):
    assert text in message(intact.check, change(solved.dataset), "results.nc")


def test_what_was_written_is_intact(solved, taxed):
    for result in (solved, taxed):
        intact.check(result.dataset, "results.nc")


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("inputs.json", {"scenario": {"instruments": [1]}}, "an instrument that is none"),
        ("inputs.json", {"scenario": []}, "scenario: got a list"),
        ("inputs.json", {"calibration": {"files": "x"}}, "calibration.files: got"),
        ("provenance.json", {"status": "converged"}, "status: got"),
        ("provenance.json", {"command": ["rm"]}, "command: got"),
    ],
)
def test_other_files_of_a_run_hold_what_is_written_there(name, content, text):
    assert text in message(intact.check_written, name, content, name)
    intact.check_written(name, {}, name)


def test_files_that_are_a_list_of_hashes_are_none(runs, tmp_path):
    (tmp_path / store.RESULTS).write_bytes((runs.folders[0] / store.RESULTS).read_bytes())
    (tmp_path / store.PROVENANCE).write_text(json.dumps({"files": ["results.nc"]}))
    assert "was changed after it was written" in message(store.read, tmp_path)


# ------------------------------------------------------------------ links


def test_a_link_in_place_of_an_output_is_replaced_not_followed(tmp_path):
    precious, link = tmp_path / "precious", tmp_path / "report.html"
    precious.write_text("stays")
    link.symlink_to(precious)
    write_text(link, "new")
    assert precious.read_text() == "stays"
    assert not link.is_symlink()
    assert link.read_text() == "new"


def test_a_link_in_place_of_a_run_is_never_written_through(tmp_path):
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "runs"
    elsewhere.mkdir()
    root.mkdir()
    (root / "run").symlink_to(elsewhere)
    draft = store.Draft("run", root)
    (draft.folder / "a.csv").write_text("1")
    saved = draft.finish({})
    assert saved.folder.name == "run-2"
    assert list(elsewhere.iterdir()) == []
