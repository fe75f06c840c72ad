"""Trains a small network on scikit-learn's bundled handwritten digits, one epoch at a time.

It prints a line an epoch and a table at the end, appends to metrics.jsonl, saves a checkpoint after
each epoch, and goes on from its checkpoint if there is one. What it needs is in requirements.txt.
"""

import argparse
import json
import pickle
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from tabulate import tabulate

CHECKPOINT = Path("checkpoint.pkl")
METRICS = Path("metrics.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lr", type=float, default=0.01, help="learning rate")
    parser.add_argument("--hidden", type=int, default=32, help="units of the hidden layer")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.25, random_state=args.seed
    )
    if CHECKPOINT.exists():
        done, model = pickle.loads(CHECKPOINT.read_bytes())
        print(f"going on after epoch {done}")
    else:
        done = 0
        model = MLPClassifier((args.hidden,), learning_rate_init=args.lr, random_state=args.seed)

    for epoch in range(done + 1, args.epochs + 1):
        began = time.perf_counter()
        order = np.random.default_rng(args.seed + epoch).permutation(len(train_x))
        for start in range(0, len(order), 64):
            batch = order[start : start + 64]
            model.partial_fit(train_x[batch], train_y[batch], classes=range(10))
        metrics = {
            "epoch": epoch,
            "loss": round(float(model.loss_), 4),
            "accuracy": round(float(model.score(test_x, test_y)), 4),
            "seconds": round(time.perf_counter() - began, 3),
        }
        print(" ".join(f"{name}={value}" for name, value in metrics.items()))
        with METRICS.open("a") as file:
            file.write(json.dumps(metrics) + "\n")
        save(epoch, model)
    table = [json.loads(line) for line in METRICS.read_text().splitlines()]
    print(tabulate(table, headers="keys"))


def save(epoch: int, model: MLPClassifier) -> None:
    """Replace the checkpoint in one step, so that there is a whole one at any moment."""
    partial = CHECKPOINT.with_suffix(".new")
    partial.write_bytes(pickle.dumps((epoch, model)))
    partial.replace(CHECKPOINT)


if __name__ == "__main__":
    main()
