"""Kits that ``kit`` 1.7.0 packed, so that ours can be compared: what it was given, and the names of what it made.

The tree that was packed is the same each time, with modes 0644 and 0755; of its layers only the digests are needed.
"""

from dataclasses import dataclass

from orchard.formats import Layer, LayerKind, clean_path, layer_media_type
from orchard.oci import Descriptor, Digest


@dataclass(frozen=True)
class Golden:
    """One kit.

    Attributes:
        name: For test ids.
        text: The Kitfile that was packed.
        layers: Kind and path of each layer.
        config: Digest of the config.
        manifest: Digest of the manifest.
        yaml: The Kitfile that was unpacked again.
    """

    name: str
    text: str
    layers: tuple[tuple[LayerKind, str], ...]
    config: str
    manifest: str
    yaml: str

    def packed(self) -> tuple[Layer, ...]:
        return tuple(
            Layer(kind=kind, path=path, descriptor=_blob(kind, path), diff_id=_blob(kind, path).digest)
            for kind, path in self.layers
        )


def _blob(kind: LayerKind, path: str) -> Descriptor:
    digest, size = BLOBS[clean_path(path)]
    return Descriptor(media_type=layer_media_type(kind), digest=Digest.parse(digest), size=size)


# The uncompressed tar of each path.
BLOBS = {
    "model.bin": ("sha256:df83e844efc96e9b43cb35233081c1712ad6356d93848504117554d28d2c9365", 2048),
    "parts/tok.json": ("sha256:f767a881419815895f1165be51786d73e9d7807def9403e22564c28ebdc19bbe", 2560),
    "parts/adapter.bin": ("sha256:328cd4c1f7058453d7aab260bc8c0e77cfe8789112766b4f618666d0c8d32ce9", 2560),
    "src": ("sha256:ba282cd5afa398635b110ee7a06bcf708ec14e8d22dd9b9e90a25db998e0db2c", 3584),
    "data/train.csv": ("sha256:d3f3b66df00c415397c6e93bd510517722a22a970d99186dad49aad3d02a0f14", 2560),
    "data/test.csv": ("sha256:7035142003d9e3563e6381cfbc5d30addfe587d6f4a1dc14f7add6772f6f8cf0", 2560),
    "README.md": ("sha256:1588472caf13443929ad67dcfb2df16be7fcf74d9f3bc2e1bf724e1caf83d941", 2048),
    "LICENSE": ("sha256:aa14d7325ea681a6af458beb1b5ddd086e081293bc99cdb9e43c4b54da107e8d", 2048),
    "docs": ("sha256:6f8c78c980926f1416a64a0ebc29678fbc685043d173648b05752cb27af34b4b", 2560),
    "data": ("sha256:5b2d6e496a6b2f3beb39f7314ddcf5529ba973840709a269cf6d592272eb61a9", 3584),
}


KITS = (
    Golden(
        name="metadata only",
        text="""\
manifestVersion: 1.0.0
package:
  name: empty
""",
        layers=(),
        config="sha256:0c569a44500aadee26971af20120be5f0bba0545ee14f0325e6f9961412cf337",
        manifest="sha256:d25dc206a2f5b710f55e5f322b190b725af95fca7f17b9a71990fe0a37d5578b",
        yaml="""\
manifestVersion: 1.0.0
package:
  name: empty
""",
    ),
    Golden(
        name="one model",
        text="""\
manifestVersion: 1.0.0
model:
  name: m
  path: model.bin
""",
        layers=((LayerKind.MODEL, "model.bin"),),
        config="sha256:04389f6e4a2c6d95c3b845583875c601ac329ffe5938dd1ff8d6aa7083d3f9fd",
        manifest="sha256:478f642137a7e0b3e52c95783786086dd6a8332b534426510cd1cf3d49d66bb3",
        yaml="""\
manifestVersion: 1.0.0
model:
  name: m
  path: model.bin
""",
    ),
    Golden(
        name="everything",
        text="""\
manifestVersion: "1.0.0"
package:
  name: all
  version: 1.10
  description: A <b>kit</b> & more
  license: Apache-2.0
  authors: [Ada, "Bob <bob@example.com>"]
model:
  name: m
  path: ./model.bin
  license: MIT
  framework: torch
  format: bin
  version: 2
  description: |
    two
    lines
  parts:
    - name: tok
      path: parts/tok.json
      type: tokenizer
    - path: parts/adapter.bin
      license: MIT
      type: lora
  parameters:
    b: [1, 2.50, 1e3, 0xFF, 017, 1_000, 1e-7, 1e21, -0.0]
    a: {z: ~, y: yes, x: true, w: 2024-02-03, v: "on"}
    B: ""
code:
  - path: src/
    description: code
    license: MIT
datasets:
  - name: train
    path: data/train.csv
    description: d
    license: CC0-1.0
    parameters: {rows: 1}
  - name: test
    path: data/test.csv
    parameters: [a, {b: c}]
docs:
  - path: README.md
    description: the card
  - path: LICENSE
""",
        layers=(
            (LayerKind.MODEL, "./model.bin"),
            (LayerKind.PART, "parts/tok.json"),
            (LayerKind.PART, "parts/adapter.bin"),
            (LayerKind.CODE, "src/"),
            (LayerKind.DATASET, "data/train.csv"),
            (LayerKind.DATASET, "data/test.csv"),
            (LayerKind.DOCS, "README.md"),
            (LayerKind.DOCS, "LICENSE"),
        ),
        config="sha256:ab218e2de13d14b17c766986774e884b82e9467e2f8de5a9589741068f8ce579",
        manifest="sha256:3cc68aa3b4cce12d3c495f46ed9365b3a3299e8b89d1778158ae0d7286673fa8",
        yaml="""\
manifestVersion: 1.0.0
package:
  name: all
  version: "1.10"
  description: A <b>kit</b> & more
  license: Apache-2.0
  authors: [Ada, Bob <bob@example.com>]
model:
  name: m
  path: ./model.bin
  license: MIT
  framework: torch
  format: bin
  version: "2"
  description: |
    two
    lines
  parts:
    - name: tok
      path: parts/tok.json
      type: tokenizer
    - path: parts/adapter.bin
      license: MIT
      type: lora
  parameters:
    B: ""
    a:
      v: "on"
      w: "2024-02-03T00:00:00Z"
      x: true
      "y": "yes"
      z: null
    b:
      - 1
      - 2.5
      - 1000
      - 255
      - 15
      - 1000
      - 1e-07
      - 1e+21
      - -0
code:
  - path: src/
    description: code
    license: MIT
datasets:
  - name: train
    path: data/train.csv
    description: d
    license: CC0-1.0
    parameters:
      rows: 1
  - name: test
    path: data/test.csv
    parameters:
      - a
      - b: c
docs:
  - path: README.md
    description: the card
  - path: LICENSE
""",
    ),
    Golden(
        name="parts without a model",
        text="""\
manifestVersion: 1.0.0
model:
  name: p
  parts:
    - path: parts/tok.json
    - path: parts/adapter.bin
code:
  - path: src
""",
        layers=(
            (LayerKind.PART, "parts/tok.json"),
            (LayerKind.PART, "parts/adapter.bin"),
            (LayerKind.CODE, "src"),
        ),
        config="sha256:4afc575d414f4f9e9df51aaf897bfe8da8111ab40a8f6c918969b74d397d24e0",
        manifest="sha256:34b6d947c18541a27386132e61162e7863725c6e4c59cc4eb2afa322905f6898",
        yaml="""\
manifestVersion: 1.0.0
model:
  name: p
  parts:
    - path: parts/tok.json
    - path: parts/adapter.bin
code:
  - path: src
""",
    ),
    Golden(
        name="unicode",
        text="""\
manifestVersion: 1.0.0
package:
  name: "h\\u00e9llo \\u2028 \\U0001F600"
  description: "tab\\there, bell\\b, quote\\" back\\\\ ~ \\x7f"
docs:
  - path: docs
    description: 'naïve — café'
""",
        layers=((LayerKind.DOCS, "docs"),),
        config="sha256:75d8b0b39d78418c62d44467d486b1f3c6ec3b06efbea9cd73e11693ad122852",
        manifest="sha256:f07e2428ef9fe40685b2823ab77674b8a59bb086fdf929dde553ee80d65c9572",
        yaml="""\
manifestVersion: 1.0.0
package:
  name: "héllo \\L \\U0001F600"
  description: "tab\\there, bell\\b, quote\\" back\\\\ ~ \\x7F"
docs:
  - path: docs
    description: naïve — café
""",
    ),
    Golden(
        name="old version",
        text="""\
manifestVersion: 1.0
package:
  name: x
  version: 1.20
  license: ~
datasets:
- path: data
""",
        layers=((LayerKind.DATASET, "data"),),
        config="sha256:db39f297d2701d905238f1539485db8ba7555df019914a343f85a91eef6af73d",
        manifest="sha256:411ffa80da24fb7ff10dee96bff09071d55f89539ce435ab3af9fa2a43601554",
        yaml="""\
manifestVersion: "1.0"
package:
  name: x
  version: "1.20"
datasets:
  - path: data
""",
    ),
    Golden(
        name="parameters only",
        text="""\
manifestVersion: 1.0.0
model:
  parameters:
    epochs: 3
    lr: 0.001
    deep: {a: {b: {c: [[], {}, null]}}}
""",
        layers=(),
        config="sha256:decf86c656972b2ce9505afaba567976d81e20c515b6bab8c74bfbe10ea8168b",
        manifest="sha256:129399d56c87c3f07cff84ce616cb1d171d1b9bba1f8ee75da8367779a92b898",
        yaml="""\
manifestVersion: 1.0.0
model:
  parameters:
    deep:
      a:
        b:
          c:
            - []
            - {}
            - null
    epochs: 3
    lr: 0.001
""",
    ),
    Golden(
        name="no version",
        text="""\
package: {}
model: {path: model.bin}
docs: [{path: README.md}]
""",
        layers=(
            (LayerKind.MODEL, "model.bin"),
            (LayerKind.DOCS, "README.md"),
        ),
        config="sha256:c9bd47f4decdd2bb3c696eb4cc7f97d7d56058a357f9b85daacdbf259bb7e118",
        manifest="sha256:6e2db920f7adf83a5df17d267915d19f28711c467011ac3c98f741970d980acf",
        yaml="""\
manifestVersion: ""
model:
  path: model.bin
docs:
  - path: README.md
""",
    ),
)
