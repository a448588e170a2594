"""The table of schemes, of a decoder alone; what reads a source is refused."""

import pytest

from export.benchmarks.compare_schemes import main


@pytest.mark.slow
def test_schemes_of_a_decoder_alone_are_compared_along_texts(save_generator, capsys) -> None:
    schemes = ["generator", "rows"]

    assert (
        main([str(save_generator("llama")), "--texts", "3", "--rounds", "0", "--only", *schemes])
        == 0
    )

    prompts, table = capsys.readouterr().out.split("\n\n")
    assert prompts == "3 prompts: reviews"
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[2:]]
    names, divergences = ([row[place] for row in rows] for place in (0, 1))
    assert names == schemes
    assert 0 < float(divergences[0]) < float(divergences[1])


def test_what_no_scheme_is_for_is_told(save_generator, capsys) -> None:
    assert main([str(save_generator("bart"))]) == 2
    assert "reads a source; expected a decoder alone" in capsys.readouterr().err

    assert main([str(save_generator("llama")), "--only", "faithful"]) == 2
    assert "faithful: not tried on such a model; choose from generator" in capsys.readouterr().err
