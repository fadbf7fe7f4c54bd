"""Where people practise: a home of its own below the real one, with sample people and accounts.

A store of its own, and not a mark on rows of the real one: what is done here can be in no ledger, no total and no outbox of
the shop, for it is in another file. And its settings are opened without a way out: no central, no card terminal, no cash
drawer, no general ledger. Source: domain.md rule 63.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from pos.bootstrap.homes import HomePaths, Machine, NewHome, make_home, open_till
from pos.domain.errors import Refused
from pos.fixture import Fixture, read_fixture
from pos.settings import read_settings, sample_folder
from pos.store.database import StoreLock
from pos.store.home import Identity, read_identity


def training_home(
    home: Path, machine: Machine, *, config: Path | None, fixture: Path | None, anew: bool
) -> Path:
    """The folder of the home where people of ``home`` practise, made where there is none yet, or ``anew``.

    Shop, terminal and settings are those of the real home, as they are now; people and accounts those of ``fixture``, else
    of the sample in the shop's currency. Raises Refused ``training``, ``no_sample``, ``bad_fixture``, or what ``open_till``
    raises; StoreError with exit code 5 where somebody practises there while it is to be made anew.
    """
    with open_till(home, machine=machine, config=config, read_only=True) as till:
        identity = till.desk.identity
    identity.refuse_training("there is none of its own in it")
    paths = HomePaths(home=home)
    folder = paths.training
    lock = StoreLock(paths.training_lock)
    try:
        if folder.exists():
            _require_training(folder, machine)
        if anew and folder.exists():
            _set_aside(folder, paths.training_gone)
        for left in (paths.training_gone, paths.training_begun):
            shutil.rmtree(left, ignore_errors=True)
        if not folder.exists():
            _make(paths.training_begun, _of_the_shop(_sample(identity, fixture), identity), machine)
            os.rename(paths.training_begun, folder)
        _take_settings(home, folder)
    finally:
        lock.close()
    return folder


def _make(begun: Path, sample: Fixture, machine: Machine) -> None:
    """It gets its name when it is whole: what a death leaves is made anew at the next start."""
    (terminal,) = sample.terminals
    new = NewHome(terminal=terminal, central_url="", epoch=1, fixture=sample, training=True)
    # The sample's PINs are the sample's: what the shop asks of its own people's is no rule for them.
    make_home(begun, new, machine=machine, settings=read_settings())


def _require_training(folder: Path, machine: Machine) -> None:
    """Nothing but a home where people practise is ever opened as one, or removed, of whatever version it is.

    Raises Refused ``training``.
    """
    store = HomePaths(home=folder).till_db
    identity = None
    if store.is_file() and not folder.is_symlink():
        database = machine.open_store(store, read_only=True)
        try:
            with suppress(DBAPIError), database.read() as connection:
                identity = read_identity(connection)
        finally:
            database.close()
    if identity is None or not identity.training:
        raise Refused("training", f"{folder} is not where people practise. Look at what it is.")


def _set_aside(folder: Path, gone: Path) -> None:
    """Out of the way at once, and only while nobody practises there; what a death leaves of it is removed later."""
    lock = StoreLock(HomePaths(home=folder).lock)
    try:
        shutil.rmtree(gone, ignore_errors=True)
        os.rename(folder, gone)
    finally:
        lock.close()


def _sample(identity: Identity, fixture: Path | None) -> Fixture:
    code = identity.currency.code
    path = fixture or sample_folder() / f"fixture-{code.lower()}.json"
    if fixture is None and not path.is_file():
        raise Refused("no_sample", f"There are no sample accounts in {code}. Name a fixture: --fixture FILE")
    sample = read_fixture(path)
    if sample.shop.currency != code:
        raise Refused(
            "no_sample", f"The accounts of this fixture are in {sample.shop.currency}, the shop is in {code}."
        )
    return sample


def _of_the_shop(sample: Fixture, identity: Identity) -> Fixture:
    """The sample's people and accounts in the real shop."""
    shop = sample.shop.model_copy(
        update={
            "id": identity.shop.shop,
            "name": identity.shop.name,
            "address": list(identity.shop.address),
            "tax_number": identity.shop.tax_number or "",
            "time_zone": identity.time_zone,
        }
    )
    return sample.model_copy(update={"shop": shop, "terminals": [identity.terminal]})


def _take_settings(home: Path, folder: Path) -> None:
    """The real home's own files, as they are now, so that people practise what they will do."""
    own, theirs = home / "config", folder / "config"
    shutil.rmtree(theirs, ignore_errors=True)
    if not own.is_dir():
        return
    os.umask(0o077)
    theirs.mkdir(mode=0o700)
    for path in own.glob("*.toml"):
        shutil.copyfile(path, theirs / path.name)
