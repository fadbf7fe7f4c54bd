"""The real machine behind the ports: its clock, its randomness, its threads, argon2. Nothing else asks for these."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pos.domain.errors import Refused
from pos.domain.ports import PinHasher

Result = TypeVar("Result")


class MachineClock:
    """The machine's wall clock in the shop's time zone."""

    def __init__(self, time_zone: str) -> None:
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Refused("unknown_time_zone", "The shop's time zone is not known to this machine.") from None

    def now(self) -> datetime:
        return datetime.now(self._zone)

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


def boot_of_machine() -> str:
    """What names this run of the machine, in which its monotonic clock counts; empty where it has no name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:64]
    except (OSError, UnicodeDecodeError):
        return ""


class MachineRandomness:
    """The operating system's randomness."""

    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


class ThreadRunner:
    """One thread for each file's writer, one for reading, one for paper, one for the drawer, one for folders."""

    def __init__(self) -> None:
        self._lanes = {
            name: ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
            for name in ("till", "cache", "read", "paper", "drawer", "folder")
        }

    async def till(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._lanes["till"], call)

    async def cache(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._lanes["cache"], call)

    async def read(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._lanes["read"], call)

    async def paper(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._lanes["paper"], call)

    async def drawer(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._lanes["drawer"], call)

    async def folder(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._lanes["folder"], call)

    def close(self) -> None:
        """Let what is under way end, take nothing more."""
        for lane in self._lanes.values():
            lane.shutdown(wait=True)


class InlineRunner:
    """Runs every call where it stands: for commands without a screen, tests and the simulation."""

    async def till(self, call: Callable[[], Result]) -> Result:
        return call()

    async def cache(self, call: Callable[[], Result]) -> Result:
        return call()

    async def read(self, call: Callable[[], Result]) -> Result:
        return call()

    async def paper(self, call: Callable[[], Result]) -> Result:
        return call()

    async def drawer(self, call: Callable[[], Result]) -> Result:
        return call()

    async def folder(self, call: Callable[[], Result]) -> Result:
        return call()


class Argon2PinHasher(PinHasher):
    """argon2id over an HMAC of the PIN with the home's pepper, which lies outside the store."""

    def __init__(self, pepper: bytes, *, memory_kib: int = 65536, rounds: int = 3, lanes: int = 4) -> None:
        # Loading argon2 takes a moment that only a sign-in needs.
        from argon2 import PasswordHasher

        self._pepper = pepper
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=lanes)
        # A well-formed hash that no PIN has: checked for unknown people, so that they take as long as known ones.
        salt, digest = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={rounds},p={lanes}${salt}${digest}"

    def _peppered(self, pin: str) -> str:
        return hmac.new(self._pepper, pin.encode(), hashlib.sha256).hexdigest()

    def hash(self, pin: str) -> str:
        return self._hasher.hash(self._peppered(pin))

    def matches(self, pin_hash: str | None, pin: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            verified = self._hasher.verify(pin_hash or self._nobody, self._peppered(pin))
        except (VerificationError, InvalidHashError):
            return False
        return verified and pin_hash is not None


async def beside_the_loop(work: Callable[[], Result]) -> Result:
    """What ``work`` returns, done on a thread while the loop goes on. It must touch nothing that the loop uses."""
    return await asyncio.to_thread(work)
