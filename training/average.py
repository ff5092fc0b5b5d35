#!/usr/bin/env python3
"""Writes the mean of several runs' weights, which began from the same ones (Wortsman et al., Model
soups, ICML 2022).

    python average.py OUT.pt RUN.pt RUN.pt ...
"""

import argparse
import pathlib

import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("runs", nargs="+", help="weights of runs that began from the same ones")
    args = parser.parse_args()
    runs = [torch.load(run, map_location="cpu") for run in args.runs]
    mean = {key: (sum(run[key].double() for run in runs) / len(runs)).to(value.dtype)
            if value.is_floating_point() else value for key, value in runs[0].items()}
    torch.save(mean, args.out)


if __name__ == "__main__":
    main()
