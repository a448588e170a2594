"""A tokenizer's file, opened: rules from outside that run on every text.

A rule that puts a million characters in place of one, or thirty rules that each double a text,
would take all memory at the first letter. So what its rules can make of one character at most is
worked out before any text is read.
"""

import base64
import json
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from bundle_format.folder import AGAIN, BundleError
from explorer.errors import reason

_LARGEST = 64 * 2**20
"""Bytes; those of 250,000 words in a hundred languages have 17 million."""
_LONGEST_PIECE = 1_000
"""Characters of one piece of a vocabulary, all of which a decoder may write at each step. The
longest in use are a few hundred spaces."""
_MOST = 256
"""Characters that one may become. SentencePiece's own normalizer makes up to 18, where it joins
spaces twice that, and every byte of each a character four times that."""


def open_tokenizer(file: Path) -> Tokenizer:
    """A tokenizer that neither cuts nor pads.

    Raises:
        BundleError: the file is no tokenizer, is too large, or makes too much of a text.
    """
    try:
        if (size := file.stat().st_size) > _LARGEST:
            raise ValueError(f"it has {size:,} bytes; expected at most {_LARGEST:,}")
        tokenizer = Tokenizer.from_file(str(file))
        _check(tokenizer)
    except (KeyboardInterrupt, SystemExit):
        raise
    # The library raises plain Exception, and where its own code panics a BaseException.
    except BaseException as error:
        raise BundleError(f"{file} is no tokenizer that opens: {reason(error)}. {AGAIN}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _check(tokenizer: Tokenizer) -> None:
    read = _growth(tokenizer.normalizer) * _growth(tokenizer.pre_tokenizer)
    for doing, growth in (("reading", read), ("writing", _growth(tokenizer.decoder))):
        if growth > _MOST:
            raise ValueError(
                f"its rules for {doing} can make {min(growth, 10**15):,} characters of one; "
                f"expected at most {_MOST}"
            )
    longest = max(map(len, tokenizer.get_vocab(with_added_tokens=True)), default=0)
    if longest > _LONGEST_PIECE:
        raise ValueError(
            f"a piece of its vocabulary has {longest:,} characters; expected {_LONGEST_PIECE:,}"
        )


def _growth(part: Any) -> int:
    """The most characters that a part of a tokenizer makes of one; 1 if there is no such part."""
    return 1 if part is None else _growth_by(json.loads(part.__getstate__()))


def _growth_by(rule: Mapping[str, Any]) -> int:
    """By the JSON of a rule. Unicode's own forms (NFKC, lower case, ...) do not multiply: what they
    have expanded once they leave as it is."""
    for several in ("normalizers", "pretokenizers", "decoders"):
        if several in rule:
            return reduce(lambda growth, one: growth * _growth_by(one), rule[several], 1)
    match rule:
        case {"type": "Replace", "pattern": {"String": str(found)}, "content": content} if found:
            return max(1, -(-len(content) // len(found)))
        case {"type": "Replace", "content": content}:  # a pattern may match between any two
            return 1 + len(content)
        case {"type": "Prepend", "prepend": prefix}:
            return 1 + len(prefix)
        case {"type": "Precompiled", "precompiled_charsmap": charsmap}:
            return _longest_replacement(base64.b64decode(charsmap))
        case {"type": "ByteLevel"}:
            return 4
    return 1


def _longest_replacement(charsmap: bytes) -> int:
    """SentencePiece's table: a trie after its size, then all replacements, each ended by a 0."""
    trie = int.from_bytes(charsmap[:4], "little")
    pieces = charsmap[4 + trie :].split(b"\0")
    return max(1, *(len(piece.decode("utf-8", "replace")) for piece in pieces))
