"""What each rule of docs/guidance.md is worth: the simulator with each switched off alone, as a table in Markdown.

    python3 bench/rules.py [--worlds 1000] [--seed 2001] [--program build/lazarillo]
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

RULES = [
    ("nothing: all rules as they are", {}),
    ("0.5 m to either side for critical cues (0.75 m, as for warnings)", {"guide": {"critical_half_width_m": 0.75}}),
    ("critical for 0.2 s without a break", {"guide": {"persistence_critical_s": 0}}),
    ("followed for 0.4 s before it is told", {"guide": {"persistence_s": 0}}),
    ("what was not detected for 0.3 s (critical 0.6 s) is silent (3 s)",
     {"guide": {"stale_s": 3, "stale_critical_s": 3}}),
    ("gaps between cues", {"guide": {"gap_info_s": 0, "gap_warning_s": 0, "gap_critical_s": 0}}),
    ("the budget of words", {"guide": {"words_per_minute": 1000}}),
    ("warnings (no sooner than critical cues: 2.7 s, 1.2 m)",
     {"guide": {"warning_ttc_s": 2.7, "warning_distance_m": 1.2, "drop_warning_m": 1.8}}),
    ("what comes nearer is told from twice as far", {"guide": {"approach_factor": 1}}),
    ("warnings of drops from 3 m", {"guide": {"drop_warning_m": 1.8}}),
    ("what is met within 5 s is told sooner", {"guide": {"soon_s": 0}}),
    ("depth that finds the ground too deep is brought nearer", {"path": {"worn_m": 0}}),
    ("several alike in one sentence", {"guide": {"groups": False}}),
    ("a critical sentence cuts off what is said", {"speak": {"grace_ms": 5000}}),
    ("sentences that waited for 2.5 s are dropped (30 s)", {"speak": {"expire_s": 30}}),
]


def to_toml(settings):
    return "".join(f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
                   for table, values in settings.items())


def simulate(program, settings, worlds, seed):
    with tempfile.TemporaryDirectory() as folder:
        config, result = Path(folder) / "rule.toml", Path(folder) / "result.json"
        config.write_text(to_toml(settings))
        run = subprocess.run([program, "simulate", "--worlds", str(worlds), "--seed", str(seed), "--config", config,
                              "--json", result], capture_output=True, text=True)
        if run.returncode not in (0, 8):
            raise SystemExit(run.stderr.strip())
        return json.loads(result.read_text())


def row(name, result):
    of = result["properties"]
    late, cues = of["announced"], of["cooldown"]["cases"]
    repeated = of["cooldown"]["failures"] + of["known_again"]["failures"]
    return (f"| {name} | {100 * late['failures'] / late['cases']:.1f} % | {60 * of['false_critical']['failures'] / result['clear_s']:.2f} | "
            f"{of['words']['failures']} | {100 * repeated / cues:.2f} % of "
            f"{cues:,} | {of['not_waiting']['failures']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2001)
    parser.add_argument("--program", default="build/lazarillo")
    a = parser.parse_args()
    print("| switched off | late | false critical | over 60 words | repeated | waiting |\n| --- " + "| --- " * 5 + "|")
    for name, settings in RULES:
        print(row(name, simulate(a.program, settings, a.worlds, a.seed)), flush=True)


if __name__ == "__main__":
    main()
