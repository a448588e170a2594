"""A small table of texts, and the command that reports on it with the tiny model."""

import csv

import pytest

import report


@pytest.fixture(scope="session")
def texts():
    """Texts of many lengths, each once."""
    words = "the film is not bad good dull bright story and but it was great".split()
    return [
        " ".join(words[(n * 7 + k) % 14] for k in range(1 + n % 11)) + "!" * (n // 14)
        for n in range(60)
    ]


@pytest.fixture(scope="session")
def table(texts, tmp_path_factory):
    """A CSV of them with labels, some by number, some unknown, and two rows that cannot be read."""
    file = tmp_path_factory.mktemp("table") / "texts.csv"
    labels = ["negative", "positive", "1", "NEUTRAL", "other", ""]
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["label", "text"])
        for number, text in enumerate(texts):
            writer.writerow([labels[number % 6], "" if number in (17, 40) else text])
    return file


@pytest.fixture(scope="session")
def few(table):
    """Its first nine rows."""
    file = table.with_name("few.csv")
    file.write_text("".join(table.read_text("utf-8").splitlines(keepends=True)[:10]), "utf-8")
    return file


@pytest.fixture
def make(tiny_folder, table, tmp_path, capsys):
    """Runs the command, in one process unless told otherwise; gives code, folder and output."""

    def run(*flags, file=table, out="report", bundle=tiny_folder):
        words = [str(file), "--out", str(tmp_path / out), "--bundle", str(bundle), *flags]
        if "--processes" not in flags:
            words += ["--processes", "1"]
        code = report.main(words)
        return code, tmp_path / out, capsys.readouterr()

    return run
