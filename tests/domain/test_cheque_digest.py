"""Other shops hear of a cheque by digests that say no more than whether it is the same one (rule 37)."""

from hypothesis import given
from hypothesis import strategies as st

from pos.domain.cheque import ChequeIdentity
from pos.domain.cheque_digest import DIGEST_LENGTH, ChequeDigest

parts = st.sampled_from(["", "01", "02", "0123456789"])
identities = st.builds(
    ChequeIdentity,
    bank=st.sampled_from(["001", "NBK", "0010"]),
    branch=parts,
    account=parts,
    serial=st.sampled_from(["000123", "123", "00123"]),
)


@given(identities, identities)
def test_digests_agree_with_the_cheques_themselves(one: ChequeIdentity, other: ChequeIdentity) -> None:
    """Rule 37: what is not known on one side tells nothing, through the digests too, whichever side asks."""
    first, second = ChequeDigest.of(one), ChequeDigest.of(other)

    assert first.same_as(second) is second.same_as(first) is one.same_as(other)


@given(identities)
def test_a_digest_tells_no_bank_and_no_account(cheque: ChequeIdentity) -> None:
    digest = ChequeDigest.of(cheque)

    assert len(digest.identity) == DIGEST_LENGTH
    assert (digest.branch == "", digest.account == "") == (cheque.branch == "", cheque.account == "")
    assert len({digest.identity, digest.branch, digest.account} - {""}) == 1 + bool(cheque.branch) + bool(
        cheque.account
    )


def test_two_cheques_of_one_account_cannot_be_seen_to_be_so() -> None:
    first, second = (
        ChequeDigest.of(ChequeIdentity(bank="001", branch="07", account="77", serial=serial))
        for serial in ("000001", "000002")
    )

    assert {first.branch, first.account}.isdisjoint({second.branch, second.account})


def test_blanks_between_parts_are_no_way_to_another_cheque() -> None:
    one = ChequeIdentity(bank="00", branch="", account="", serial="1000123")
    other = ChequeIdentity(bank="001", branch="", account="", serial="000123")

    assert ChequeDigest.of(one).identity != ChequeDigest.of(other).identity
