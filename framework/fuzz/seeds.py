"""Writes the protocol's test vectors into corpus/, for fuzzers to begin with."""

import json
import pathlib

here = pathlib.Path(__file__).parent
for target in ("frames", "handshake"):
    corpus = here / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    for vectors in (here / "../protocol/tests/vectors").glob("*.json"):
        for number, vector in enumerate(json.loads(vectors.read_text())):
            data = bytes.fromhex(vector["hex"])
            # The target `frames` takes the length of the stream's pieces first.
            data = b"\x07" + data if target == "frames" else data
            (corpus / f"{vectors.stem}-{number}").write_bytes(data)
