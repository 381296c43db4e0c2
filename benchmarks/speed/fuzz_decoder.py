"""Fuzz the decoder of candidates' answers, guided by coverage: `python -m codegym.benchmarks.speed.fuzz_decoder`.

Needs `pip install atheris` (the extra `fuzz`). Arguments are those of libFuzzer: `-runs=1000000 CORPUS`. Anything
but a value or a CodecError, and anything that takes a second, ends it with the input that did it.
"""

from __future__ import annotations

import sys
import time

_SECONDS = 1.0


def main() -> None:
    """Run until libFuzzer has enough."""
    try:
        import atheris
    except ImportError:
        print("The fuzzer is not installed: pip install 'codegym[fuzz]'.", file=sys.stderr)
        raise SystemExit(2) from None
    with atheris.instrument_imports(include=["codegym.envs.execution.codec", "json"]):
        from codegym.envs.execution import codec

    def one_input(data: bytes) -> None:
        started = time.perf_counter()
        try:
            value = codec.decode(data, None, 1 << 20)
            codec.encode(value, max_bytes=1 << 26)
        except codec.CodecError:
            pass
        if time.perf_counter() - started > _SECONDS:
            raise TimeoutError(f"{len(data)} bytes took longer than {_SECONDS} s")

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
