"""Writes killers.json, by which named case each mutant is killed: python -m platform_assets_tests.conformance.killers

Those that only generated cases kill are not in it. A minute for ten mutants; needed only so that the tests of mutants cost less.
"""

import json
import re
import tempfile
from pathlib import Path

from platform_assets_tests.conformance.mutants_of_days import EVERY_MUTANT
from platform_assets_tests.conformance.quick import WRONG_VALUE, load_named_cases
from platform_assets_tests.conformance.test_mutants import KILLERS, copied, patched, run_quick

if __name__ == "__main__":
    load_named_cases()
    found = dict[str, str]()
    with tempfile.TemporaryDirectory() as folder:
        unpatched = copied(Path(folder, "unpatched"))
        for number, mutant in enumerate(EVERY_MUTANT):
            print(number, mutant.mistake, flush=True)
            killed = run_quick(patched(mutant, unpatched, Path(folder, str(number))), KILLERS.get(mutant.mistake, ""))
            if killed.returncode == WRONG_VALUE and (title := re.match(r"\w+, ('.*?'|\".*?\"): ", killed.stdout)):
                found[mutant.mistake] = title[1][1:-1]
    Path(__file__).with_name("killers.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
