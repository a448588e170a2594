"""The kind of Space that runs in its visitors' browsers: plain files, no server of its own.

The page is `demo/static`, with the widgets of `explorer/web` as they are. What it runs on comes
from the packages that `export/node/package.json` pins: nothing of it is in git.
"""

import base64
import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers.normalizers import Precompiled

from bundle_format.folder import read_generation, read_manifest, sha256
from bundle_format.schema import DecoderDescription
from bundle_format.typed_json import load_object
from bundle_format.values import FILE, GENERATION
from hosting.folder import BUNDLES, SpaceError, sizes

_DEMO = Path(__file__).parents[1]
_WEB = _DEMO / "explorer" / "web"
_PAGE = _DEMO / "static"
_NODE = _DEMO.parent / "export" / "node" / "node_modules"
_INSTALL = "npm install --prefix export/node"
_RUNTIME = "ort-wasm-simd-threaded.wasm"
_LIBRARY = {
    "ort.wasm.min.mjs": "onnxruntime-web/dist/ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs": "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs",
    _RUNTIME: f"onnxruntime-web/dist/{_RUNTIME}",
    "tokenizers.min.mjs": "@huggingface/tokenizers/dist/tokenizers.min.mjs",
    "tokenizers.LICENSE": "@huggingface/tokenizers/LICENSE",
}
"""What is copied -> where npm puts it. One build of onnxruntime, of the four that the package has;
its licence stands at the head of its files."""
_STYLES = ("page.css", "maps/maps.css", "kept_page.css")
_WIDGETS = ("answer", "compare", "head_effects", "link", "occlusion", "small", "written")
_SHARED = ("csv.js", "terms.js", "lib.js")
HEADERS = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "cross-origin",
}
"""Of a page that is alone in its process, which a browser may give shared memory."""


def static_settings() -> Mapping[str, Any]:
    """Of a Space whose files are served as they are."""
    return {"sdk": "static", "app_file": "index.html", "custom_headers": HEADERS}


def fill_static(folder: Path) -> None:
    """The page, the libraries that it runs on, and what it must know of its files.

    Raises:
        SpaceError: a library is not there, or the bundle has a decoder, or its tokenizer rules,
            that the page does not know.
    """
    (bundle,) = (folder / BUNDLES).iterdir()
    _check_bundle(bundle)
    for name in ("tokenizer.json", "decoder/tokenizer.json"):
        _check_tokenizer(bundle, name)
    _copy_library(folder / "library")
    for room in ("model", "tasks", "page"):
        shutil.copytree(_PAGE / room, folder / "static" / room)
    shutil.copytree(
        _WEB / "maps", folder / "explorer/web/maps", ignore=shutil.ignore_patterns("*.md", "*.css")
    )
    shutil.copyfile(_PAGE / "index.html", folder / "index.html")
    (folder / "widgets.js").write_text(_widgets(), encoding="utf-8")
    styles = [*(_WEB / name for name in _STYLES), _PAGE / "static.css"]
    css = "".join(style.read_text("utf-8") for style in styles)
    (folder / "style.css").write_text(css, encoding="utf-8")
    _write_list(folder, bundle)


def _check_bundle(bundle: Path) -> None:
    """Raises SpaceError: no browser opens it, or the page would write otherwise than it is to."""
    manifest = read_manifest(bundle)
    if why := manifest.decoder and _what_is_not_followed(bundle, manifest.decoder):
        raise SpaceError(
            f"The page in the browser cannot write as this bundle's decoder does, which {why}; "
            "make a Space of another kind"
        )
    if any(name.endswith(".onnx_data") for name in manifest.files):
        raise SpaceError(
            "This bundle has a graph of more than 2 GiB, which no browser opens; make a Space of "
            "another kind"
        )


_FOLLOWED = ("decoder_start_token_id", "bos_token_id", "pad_token_id")
_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    **dict.fromkeys(("min_length", "min_new_tokens", "no_repeat_ngram_size"), (0,)),
    **dict.fromkeys(("repetition_penalty", "num_beams", "length_penalty", "temperature"), (1,)),
    **dict.fromkeys(("early_stopping", "do_sample"), (False,)),
    "top_k": (0, 50),
    "top_p": (1,),
}
"""Settings of a `generation_config.json` that the page follows, and values of others by which it
writes nothing else, nor begins with other controls."""


def _what_is_not_followed(bundle: Path, decoder: DecoderDescription) -> str:
    """What of a decoder `static/model/writing.js` knows nothing of; empty if there is no such."""
    if decoder.alone:
        return "goes on from a prompt, as GPT-2 and Llama do, and has no encoder before it"
    if not decoder.own_files:
        return "is one model with its encoder, as BART and T5 are, and has no files of its own"
    if decoder.map_layers is not None:
        return "has the maps of some of its layers alone"
    settings = read_generation(bundle, decoder)
    # The served page follows what is `more` no more than this one does.
    followed = ("more", *_FOLLOWED, *(["eos_token_id"] if len(settings.ends) < 2 else []))
    asked = [
        name
        for name, value in vars(settings).items()
        if value is not None and name not in followed and value not in _NEUTRAL.get(name, ())
    ]
    return f"has {' and '.join(asked)} in its {GENERATION}" if asked else ""


def _copy_library(library: Path) -> None:
    library.mkdir()
    for name, source in _LIBRARY.items():
        if not (_NODE / source).is_file():
            raise SpaceError(f"{_NODE} has no {source}; install what the page runs on: {_INSTALL}")
        shutil.copyfile(_NODE / source, library / name)


def _widgets() -> str:
    """The page's own widgets as a module: each a function of what gradio would give its script."""
    modules = sorted(path.stem for path in (_WEB / "maps").glob("*.js"))
    lines = [f'import * as {name} from "./explorer/web/maps/{name}.js";\n' for name in modules]
    lines.append(f"window.attentionMaps = {{ {', '.join(f'...{name}' for name in modules)} }};\n")
    lines += [(_WEB / name).read_text("utf-8") for name in _SHARED]
    lines.append("window.pageWidgets = {\n")
    for name in _WIDGETS:
        many, draws = (", show", "library.show(small[show]);") if name == "small" else ("", "")
        lines.append(
            f"{name}: ({{ element, props, watch, trigger{many} }}) => {{\n"
            "const library = window.attentionExplorer({ element, props, watch });\n"
            f"{(_WEB / f'{name}.js').read_text('utf-8')}{draws}}},\n"
        )
    return f"{''.join(lines)}}};\n"


def _write_list(folder: Path, bundle: Path) -> None:
    """What the page must know of its files, in `page.json`, and what its service worker keeps."""
    digest = hashlib.sha256()
    for name in sizes(folder):
        digest.update(f"{name} {sha256(folder / name)}\n".encode())
    manifest = read_manifest(bundle)
    known = [*(bundle / name for name in manifest.files), folder / "library" / _RUNTIME]
    page = {
        "version": digest.hexdigest(),
        "folder": f"{BUNDLES}/{bundle.name}/",
        "bundle": sha256(bundle / FILE),
        "runtime": sha256(folder / "library" / _RUNTIME),
        "sizes": {path.relative_to(folder).as_posix(): path.stat().st_size for path in known},
    }
    (folder / "page.json").write_text(f"{json.dumps(page, indent=2)}\n", encoding="utf-8")
    kept = [name for name in sizes(folder) if name.endswith((".js", ".mjs", ".css"))]
    script = (_PAGE / "sw.js").read_text("utf-8").replace('"VERSION"', f'"{page["version"]}"')
    script = script.replace('["FILES"]', json.dumps(["./", "page.json", *kept]))
    (folder / "sw.js").write_text(script, encoding="utf-8")


RULES = {
    "normalizer": {
        *("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Precompiled", "Prepend"),
        *("Replace", "Sequence", "Strip", "StripAccents"),
    },
    "pre_tokenizer": {
        *("BertPreTokenizer", "ByteLevel", "Digits", "Metaspace", "Punctuation", "Sequence"),
        *("Split", "Whitespace", "WhitespaceSplit"),
    },
}
"""A tokenizer's rules that `static/model/pieces.js` follows; a test holds the two equal."""
_MODELS = ("BPE", "Unigram", "WordPiece")


def _check_tokenizer(bundle: Path, name: str) -> None:
    """Whether the page can follow a tokenizer's rules. Raises SpaceError."""
    if not (bundle / name).is_file():
        return
    try:
        rules = load_object((bundle / name).read_bytes())
    except (RecursionError, ValueError) as error:
        raise SpaceError(
            f"The {name} of the bundle {bundle.name} {str(error)[:200]}; export it again"
        ) from error
    # Some files do not say their model's type.
    followed: Mapping[str, Collection[str | None]] = {**RULES, "model": (*_MODELS, None)}
    for part, known in followed.items():
        for rule in _rules(rules.get(part)):
            if rule.get("type") not in known:
                raise SpaceError(
                    f"The {name} of the bundle {bundle.name} has a {part} of type "
                    f"{rule.get('type')!r:.40}, which the page in the browser cannot follow; make "
                    "a Space of another kind"
                )
            if rule.get("type") == "Precompiled" and not _is_followed(rule):
                raise SpaceError(
                    f"The {name} of the bundle {bundle.name} changes characters by a table of its "
                    "own (precompiled_charsmap); the page in the browser follows SentencePiece's "
                    "nmt_nfkc alone. Make a Space of another kind"
                )


def _is_followed(rule: Mapping[str, Any]) -> bool:
    """Whether SentencePiece's table for characters is the one that the page's library has. The
    other tables in use fold case, or leave what cannot be seen as it is (nmt_nfkc_cf, nfkc)."""
    charsmap = base64.b64decode(rule.get("precompiled_charsmap") or "")
    found = Precompiled(charsmap).normalize_str("A\u200bÉ\ufb01\u0007")
    return bool(found == "A Éfi")


def _rules(rule: Any) -> Iterator[dict[str, Any]]:
    """A rule, and those that it is made of."""
    if isinstance(rule, dict):
        yield rule
        for inner in (*rule.get("normalizers", ()), *rule.get("pretokenizers", ())):
            yield from _rules(inner)
