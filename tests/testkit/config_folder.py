"""A small configuration folder to be broken in one place at a time."""

from pathlib import Path

from configuration.checks.folder import check
from configuration.configuration import Configuration
from runtime.installation import HOME

BROKEN = HOME / "tests" / "configuration" / "broken"
SETTINGS = 'kafka: {bootstrap: "127.0.0.1:9092"}\nlifelines: {water: {partitions: 4}}\n'
# Whose commands count: what `profile: production` does not go without.
COMMANDS = (
    "commands: {keys: {k: MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=}, "
    "roles: {r: {may: [shelve], keys: [k]}}}\n"
)
CATALOGUE = "id,class,asset,group\nwater.a.p,water.pressure,a,water.a\n"
PACK = (BROKEN / "good.yaml").read_text(encoding="utf-8")


def folder_with(place: Path, files: dict[str, str | bytes]) -> Path:
    """A folder of good files, some of them replaced or added."""
    good = {"tocsin.yaml": SETTINGS, "water/pressure.yaml": PACK}
    if not any(name.startswith("water/catalogue.") for name in files):
        good["water/catalogue.csv"] = CATALOGUE
    for name, content in {**good, **files}.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return place


def findings_of(
    place: Path, files: dict[str, str | bytes], environment: dict[str, str] | None = None
) -> list[str]:
    """Findings in such a folder, its own name left out."""
    folder = folder_with(place, files)
    found = check(folder, environment or {})
    return [line.replace(f"{folder.as_posix()}/", "") for line in found]


def again(whole: Configuration) -> Configuration:
    """The same configuration from what would be kept of it."""
    kept = whole.contents()
    return Configuration.from_bundle(whole.bundle(), whole.settings, kept.__getitem__)


def labels_of(configuration: Configuration) -> list[str]:
    """Label of every channel, by id."""
    words, label_of = configuration.labels(configuration.catalogue)
    return [words[i] for i in label_of.tolist()]


def loaded(place: Path, files: dict[str, str | bytes]) -> Configuration:
    """Configuration of such a folder."""
    return Configuration.load(folder_with(place, files), {})
