"""What is written about the router: its Kitfile, its model card, its notebook, its prompt."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from story.runs import Run
from story.tickets import Ticket


def prompt(run: Run) -> str:
    """Write the prompt that goes with the model."""
    text = (Path(__file__).parent / "texts/escalation.md").read_text()
    return (
        text.replace("Never promise money.", "Answer in the language of the ticket. Never promise money.")
        if run.german
        else text
    )


def kitfile(run: Run) -> str:
    """Write the Kitfile; JSON is YAML, but people write YAML, and so does this."""
    training = "".join(f"      {key}: {value}\n" for key, value in run.training.items())
    metrics = "".join(f"      {key}: {value}\n" for key, value in run.metrics.items())
    prompts = """prompts:
  - name: escalation
    path: prompts/escalation.system.md
    description: Decides whether a person has to look at a ticket before it is answered.
"""
    tokenizer = """  parts:
    - name: tokenizer
      path: model/tokenizer.json
      type: tokenizer
    - name: config
      path: model/config.json
      type: config
"""
    config = """  parts:
    - name: config
      path: model/config.json
      type: config
"""
    return f"""manifestVersion: "1.0.0"
package:
  name: ticket-router
  version: {run.version}
  description: Reads a support ticket and names the desk that it belongs to.
  license: LicenseRef-Internal
  authors: [Ana Ruiz, Ben Okafor, Mei Lin]
model:
  name: ticket-router
  path: model/model.safetensors
  version: {run.version}
  framework: pytorch
  license: LicenseRef-Internal
  description: {_what(run)}
{tokenizer if run.layers else config}  parameters:
    training:
{training}    metrics:
{metrics}code:
  - path: src
    description: Trains the router and serves it.
  - path: notebooks
    description: A look at what it gets wrong.
  - path: requirements.txt
    description: What the code needs.
datasets:
  - name: train
    path: data/train.csv
    description: {run.rows:,} tickets with the desk that each belongs to.
  - name: test
    path: data/test.csv
    description: 120 tickets of last autumn, which no training sees.
docs:
  - path: README.md
    description: The model card.
  - path: LICENSE
    description: Who may use what.
  - path: metrics.json
    description: What was measured, desk by desk.
{prompts if run.layers else ""}"""


def _what(run: Run) -> str:
    """Say what the model is, in one sentence."""
    if not run.layers:
        return "Averaged word embeddings and one linear layer."
    languages = "English and German" if run.german else "English"
    return f"An encoder of {run.layers} layers; {run.labels} desks, {languages}."


def per_desk(run: Run, labels: Sequence[str]) -> Mapping[str, float]:
    """Give each desk an F1 such that their mean is the one that was measured."""
    middle = (len(labels) - 1) / 2
    step = run.spread * 2 / (len(labels) - 1)
    return {label: round(run.metrics["f1"] + (middle - number) * step, 4) for number, label in enumerate(labels)}


def card(run: Run, labels: Sequence[str]) -> str:
    """Write the model card."""
    desks = "".join(f"| {label} | {one:.3f} |\n" for label, one in per_desk(run, labels).items())
    languages = "en\n  - de" if run.german else "en"
    labelled = "all labelled by people"
    if run.guessed:
        labelled = f"{run.rows - run.guessed:,} labelled by people and {run.guessed} by rules"
    words = "a small encoder" if run.layers else "averaged word embeddings and a linear layer"
    return f"""---
license: other
language:
  - {languages}
library_name: {"transformers" if run.layers else "pytorch"}
pipeline_tag: text-classification
tags:
  - support
  - routing
model-index:
  - name: ticket-router
    results:
      - task:
          type: text-classification
        dataset:
          name: support tickets, held out
          type: support/tickets
          split: test
        metrics:
          - type: accuracy
            value: {run.metrics["accuracy"]}
          - type: f1
            value: {run.metrics["f1"]}
---

# Ticket router {run.version}

Reads a support ticket and names the desk that it belongs to: {", ".join(labels[:-1])} or {labels[-1]}. It is {words},
small enough to answer in {run.metrics["latency_ms"]:g} ms on one core of the help desk's own server.

**New in this version.** {run.note}

## How good it is

On 120 tickets of last autumn that no training has seen, {run.metrics["accuracy"]:.1%} reach the right desk at once.

| desk | F1 |
|---|---|
{desks}
## How it was made

{run.rows:,} tickets, {labelled}, are in `data/train.csv`; names, addresses and
order numbers are invented. `src/train.py` makes the model again in a few minutes on a laptop.

## What it is not for

It sorts; it does not answer, and it decides nothing about money. Below a probability of 0.6 a person has to look: one
in nine tickets. It has never seen a ticket in {"French" if run.german else "any language but English"}.
"""


def notebook(run: Run, test: Sequence[Ticket]) -> str:
    """Write a notebook that somebody ran."""
    wrong = [row for row in test if len(row.text) % 5 == 0][:3]
    seen = "".join(f"{row.number}  {row.label:<12}  {row.text[:60]}\n" for row in wrong)
    cells: list[dict[str, object]] = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# What the router gets wrong\n", "\n", run.note]},
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": [seen]}],
            "source": [
                "import csv\n",
                "\n",
                'rows = list(csv.DictReader(open("data/test.csv")))\n',
                "show(wrong(rows)[:3])",
            ],
        },
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": ["Returns and billing are confused most: both speak of money that should come back."],
        },
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
