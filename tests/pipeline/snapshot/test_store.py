"""Snapshot files: what goes in comes out, and nothing else is ever taken for it."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from contracts.errors import Damaged, FatalError
from pipeline.snapshot.store import MAGIC, Snapshot, SnapshotStore, checksum, pack, unpack

pytestmark = pytest.mark.slow

ROW = np.dtype(
    [
        ("level", np.uint8),
        ("since_ns", np.int64),
        ("last", np.float32, (3,)),
        ("inner", [("x", "<u2")]),
    ]
)
ALIGNED = np.dtype([("level", np.uint8), ("since_ns", np.int64), ("n", np.int16)], align=True)
HEADER = {"lane": "water-0", "桥": [1, {"deep": None}], "digest": "0" * 32, "share": 0.1}


def small() -> Snapshot:
    rows = np.zeros(3, ROW)
    rows["since_ns"] = [1, -2, 2**62]
    rows["last"] = [[1.5, np.nan, -0.0]] * 3
    rows["inner"]["x"] = 7
    return Snapshot(HEADER, {"rows": rows, "ids": np.arange(3, dtype=np.uint64)})


def assert_same(got: Snapshot, wanted: Snapshot) -> None:
    assert got.header == wanted.header
    assert list(got.arrays) == list(wanted.arrays)
    for name, array in wanted.arrays.items():
        assert got.arrays[name].dtype == array.dtype, name
        assert got.arrays[name].shape == array.shape, name
        assert got.arrays[name].tobytes() == array.tobytes(), name


def test_structured_rows_and_header_come_back() -> None:
    assert_same(unpack(pack(small())), small())


@given(
    st.lists(
        npst.arrays(
            st.one_of(
                npst.scalar_dtypes().filter(lambda dtype: dtype.kind not in "mM"),
                st.sampled_from([ROW, ALIGNED, np.dtype("S5"), np.dtype("U3")]),
            ),
            npst.array_shapes(min_side=0, max_dims=3, max_side=4),
            fill=st.nothing(),
        ),
        max_size=4,
    )
)
def test_any_arrays_come_back_bit_for_bit(arrays: list[np.ndarray]) -> None:
    snapshot = Snapshot(HEADER, {f"column {i}": array for i, array in enumerate(arrays)})
    assert_same(unpack(pack(snapshot)), snapshot)


def test_rows_that_the_compiler_aligned_come_back() -> None:
    rows = np.array([(1, 2, 3), (4, 5, 6)], ALIGNED)
    got = unpack(pack(Snapshot({}, {"rows": rows}))).arrays["rows"]
    assert got.dtype == rows.dtype
    assert got.tolist() == rows.tolist()


def test_columns_of_a_strided_view_come_back() -> None:
    view = np.arange(20).reshape(4, 5)[::2, ::-1]
    assert_same(unpack(pack(Snapshot({}, {"view": view}))), Snapshot({}, {"view": view}))


def test_equal_states_make_equal_bytes() -> None:
    assert pack(small()) == pack(small())


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(str(tmp_path / "state"))


def test_a_file_comes_back(store: SnapshotStore) -> None:
    data = pack(small())
    name, check = store.write("water-0", data)
    assert check == checksum(data)
    assert store.read(name, check) == data


def test_every_flipped_bit_is_found(store: SnapshotStore, tmp_path: Path) -> None:
    data = pack(small())
    name, check = store.write("water-0", data)
    path = tmp_path / "state" / name
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(FatalError, match=f"{name}: expected checksum {check}, got"):
            store.read(name, check)
    path.write_bytes(data)
    assert store.read(name, check) == data


def test_every_cut_is_found(store: SnapshotStore, tmp_path: Path) -> None:
    data = pack(small())
    name, check = store.write("water-0", data)
    for length in (0, 1, len(MAGIC), 16, len(data) // 2, len(data) - 1):
        (tmp_path / "state" / name).write_bytes(data[:length])
        with pytest.raises(FatalError, match="the file is damaged, restore it"):
            store.read(name, check)


@pytest.mark.parametrize("data", [b"", b"TOCSIN", b"TOCSIN\x00\x02" + b"x" * 40, b"PAR1" * 9])
def test_another_format_or_version_is_refused(data: bytes) -> None:
    with pytest.raises(
        FatalError, match=r"snapshot: expected format .* run the release that wrote"
    ):
        unpack(data)


def test_a_file_that_is_gone_is_said(store: SnapshotStore) -> None:
    with pytest.raises(FatalError, match=r"water-0/x\.snap: expected a file, got none"):
        store.read("water-0/x.snap", "0" * 32)


def test_a_name_is_never_used_twice(store: SnapshotStore) -> None:
    names = [store.write("water-0", b"same")[0] for _ in range(50)]
    assert len(set(names)) == 50
    assert {name.partition("/")[0] for name in names} == {"water-0"}


def test_unlisted_files_are_this_lanes_and_not_kept(store: SnapshotStore) -> None:
    mine = sorted(store.write("water-1", b"a")[0] for _ in range(3))
    store.write("water-10", b"another lane's")
    assert store.unlisted("water-1", {mine[1]}) == [mine[0], mine[2]]
    assert store.unlisted("water-2", set()) == []
    store.delete(mine[0])
    store.delete(mine[0])
    assert store.unlisted("water-1", set()) == mine[1:]


def test_a_bundle_is_kept_once_under_its_hash(store: SnapshotStore, tmp_path: Path) -> None:
    data = b"configuration"
    name = hashlib.blake2b(data, digest_size=8).hexdigest()
    store.put_bundle(name, data)
    path = tmp_path / "state" / "bundles" / name
    before = path.stat().st_mtime_ns
    store.put_bundle(name, data)
    assert path.stat().st_mtime_ns == before
    assert store.bundle(name) == data


def test_a_damaged_or_missing_bundle_is_refused(store: SnapshotStore, tmp_path: Path) -> None:
    name = hashlib.blake2b(b"configuration", digest_size=8).hexdigest()
    with pytest.raises(FatalError, match="expected a file, got none"):
        store.bundle(name)
    store.put_bundle(name, b"configuration")
    (tmp_path / "state" / "bundles" / name).write_bytes(b"Configuration")
    with pytest.raises(Damaged, match=f"bundles/{name}: expected this hash, got .* restore"):
        store.bundle(name)
    store.put_bundle(name, b"configuration")
    assert store.bundle(name) == b"configuration"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/passwd", "a/../../x", "a\0b", "x" * 17, "0123456789ABCDEF"],
)
def test_a_name_that_is_no_hash_leads_nowhere(store: SnapshotStore, name: str) -> None:
    for read in (store.bundle, store.mapped):
        with pytest.raises(Damaged, match=r"bundles: expected a hash of 16 hex digits, got"):
            read(name)
    if not name.startswith("x") and not name.isalnum():
        with pytest.raises(Damaged, match="expected the name of a file, got"):
            store.read(name, "0" * 32)


def test_a_folder_that_leads_out_of_the_location_is_not_followed(
    store: SnapshotStore, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.snap").write_bytes(b"secret")
    (tmp_path / "state" / "water-0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Damaged, match="something else; restore it"):
        store.read("water-0/x.snap", checksum(b"secret"))


def test_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path / "new" / "state"))
    name, _ = store.write("water-0", b"a")
    store.note_judged("files", "bundle")
    root = tmp_path / "new"
    folders = [root, root / "state", root / "state" / "water-0", root / "state" / "judged"]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert (root / "state" / name).stat().st_mode & 0o777 == 0o600
