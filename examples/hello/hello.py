"""Says hello, and leaves a file behind, as every experiment does."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--number", type=int, required=True)
parser.add_argument("--food_item", required=True)
args = parser.parse_args()

greeting = f"Hello! {args.number} x {args.food_item}"
print(greeting)
Path("greeting.txt").write_text(greeting + "\n")
